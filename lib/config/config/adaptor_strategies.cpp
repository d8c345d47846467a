#include <algorithm>
#include <allot/adaptor/branch_list.hpp>
#include <allot/adaptor/debug_resource.hpp>
#include <allot/adaptor/fallback_resource.hpp>
#include <allot/adaptor/limiting_resource.hpp>
#include <allot/adaptor/resource_from_allocator.hpp>
#include <allot/adaptor/sampling_guard_resource.hpp>
#include <allot/adaptor/size_routing_resource.hpp>
#include <allot/adaptor/statistics_resource.hpp>
#include <allot/adaptor/synchronized_resource.hpp>
#include <allot/adaptor/text_event_sink.hpp>
#include <allot/adaptor/tracing_resource.hpp>
#include <allot/adaptor/zeroing_resource.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/os/fork_mutex.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <system_error>

#include "table_rows.hpp"

namespace allot::config {
namespace {

strategy sampling_entry() {
  using options = sampling_guard_options;
  using placement = guarded_page_options::placement;
  strategy made = entry_for<options>(
      "sampling_guard_resource", "guards one allocation in a few thousand; all others are the upstream's",
      book_keeping::upstream,
      rows<options>()
          .upstream("serves what is not guarded")
          .required()
          .count("rate", &options::rate, "one allocation in so many is guarded; 0: none")
          .count("slots", &options::slots, "most guarded blocks that live at a time", {1, std::uint64_t{1} << 32})
          .size("largest_bytes", &options::largest_bytes, "of a guarded block; rounded up to pages", {1, no_bound})
          .choice<placement>(
              "at", &options::at, "which end of a block touches a guard",
              {{placement::end, "end"}, {placement::start, "start"}, {placement::alternating, "alternating"}})
          .flag("explain_faults", &options::explain_faults, "say on standard error which guarded block a fault is at")
          .count("seed", &options::seed, "of the distances between samples; 0: another every time")
          .name()
          .done());
  made.object = [](const std::any& is, const node& table) -> objection {
    const auto& told = std::any_cast<const options&>(is);
    return objection_to_slots(told.slots, told.largest_bytes, table, "largest_bytes");
  };
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    return owning_with(
        std::make_shared<sampling_guard_resource>(*from.memory("upstream"), told), told,
        [](options& now, const sampling_guard_resource&) { now.largest_bytes = in_whole_pages(now.largest_bytes); });
  };
  return made;
}

strategy synchronized_entry() {
  strategy made = entry_for<no_options>(
      "synchronized_resource", "makes a resource for one thread usable from many: every call holds a mutex",
      book_keeping::upstream, rows<no_options>().upstream("used through this alone").required().name().done());
  made.make = [](const std::any&, const making& from) {
    return owning(std::make_shared<synchronized_resource<os::fork_mutex>>(*from.memory("upstream"), from.name));
  };
  return made;
}

strategy statistics_entry() {
  using options = statistics_options;
  strategy made = entry_for<options>(
      "statistics_resource", "counts blocks and bytes: live, peaks, totals, refusals, sizes", book_keeping::counted,
      rows<options>()
          .upstream("whose blocks are counted")
          .required()
          .flag("concurrent", &options::concurrent, "count for several threads at a time")
          .name()
          .done());
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    const auto resource = std::make_shared<statistics_resource>(*from.memory("upstream"), told);
    product result = owning(resource);
    result.live_bytes = [of = resource.get()] {
      const allocation_statistics now = of->snapshot();
      return static_cast<std::size_t>(std::max({now.live_bytes, now.live_blocks, std::ptrdiff_t{0}}));
    };
    return result;
  };
  return made;
}

strategy limiting_entry() {
  using options = limiting_options;
  strategy made = entry_for<options>(
      "limiting_resource", "serves requests until a number of bytes is taken, then fails", book_keeping::counted,
      rows<options>()
          .upstream("what is limited")
          .required()
          .size("limit", &options::limit, "most bytes taken at any time, as callers asked for them")
          .or_word("unlimited")
          .size("soft_limit", &options::soft_limit,
                "from which on a handler would be called, which code alone can give")
          .or_word("unlimited")
          .name()
          .done());
  made.object = [](const std::any& is, const node&) -> objection {
    const auto& told = std::any_cast<const options&>(is);
    if (told.soft_limit == options::no_limit || told.soft_limit <= told.limit) return {};
    return {"soft_limit", "is above limit, which is " + format_byte_size(told.limit)};
  };
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    const auto resource = std::make_shared<limiting_resource>(*from.memory("upstream"), told);
    product result = owning(resource);
    result.live_bytes = [of = resource.get()] { return of->live_bytes() + of->reserved_bytes(); };
    return result;
  };
  return made;
}

strategy fallback_entry() {
  strategy made = entry_for<no_options>(
      "fallback_resource", "asks one upstream after the other until one can serve the request", book_keeping::upstream,
      rows<no_options>()
          .link("upstreams", option_kind::resources, "in the order they are asked in")
          .elements(1, branch_list::capacity)
          .required()
          .name()
          .done());
  made.make = [](const std::any&, const making& from) {
    std::vector<upstream_ref> upstreams;
    for (const built_link& link : from.links) upstreams.emplace_back(*link.memory);
    fallback_options told;
    told.name = from.name;
    return owning(std::make_shared<fallback_resource>(upstreams.data(), upstreams.size(), told));
  };
  return made;
}

strategy routing_entry() {
  strategy made = entry_for<no_options>(
      "size_routing_resource", "sends each request to an upstream chosen by its size and alignment",
      book_keeping::upstream,
      rows<no_options>()
          .link("routes", option_kind::routes, "the first whose bounds hold the request is taken")
          .elements(1, size_routing_resource::most_routes)
          .required()
          .link("otherwise", option_kind::resource, "serves what no route is for")
          .required()
          .name()
          .done());
  made.make = [](const std::any&, const making& from) {
    std::vector<size_route> routes;
    for (const built_link& link : from.links)
      if (link.key == "routes") routes.push_back({*link.memory, link.max_bytes, link.max_alignment});
    size_routing_options told;
    told.name = from.name;
    return owning(
        std::make_shared<size_routing_resource>(routes.data(), routes.size(), *from.memory("otherwise"), told));
  };
  return made;
}

strategy zeroing_entry() {
  using options = zeroing_options;
  using moment = options::moment;
  strategy made = entry_for<options>(
      "zeroing_resource", "sees to it that memory is zero when it is handed out, or before it goes back",
      book_keeping::upstream,
      rows<options>()
          .upstream("whose blocks are zeroed")
          .required()
          .choice<moment>("when", &options::when, "to zero a block",
                          {{moment::allocate, "allocate"}, {moment::deallocate, "deallocate"}, {moment::both, "both"}})
          .name()
          .done());
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    return owning(std::make_shared<zeroing_resource>(*from.memory("upstream"), told));
  };
  return made;
}

/// tracing_options and where the events go.
struct tracing_settings : tracing_options {
  std::string file = {};
};

strategy tracing_entry() {
  using options = tracing_settings;
  strategy made = entry_for<options>("tracing_resource",
                                     "writes a line for every block handed out, freed, grown in place or refused",
                                     book_keeping::upstream,
                                     rows<options>()
                                         .upstream("whose blocks are traced")
                                         .required()
                                         .text("file", &options::file, "lines are added to; \"\": standard error")
                                         .flag("enabled", &options::enabled, "from the start")
                                         .name()
                                         .done());
  made.make = [](const std::any& is, const making& from) {
    struct made_file {
      const std::string path;  // empty: it was there before
      bool kept = false;
      explicit made_file(const std::string& named) : path(std::filesystem::exists(named) ? std::string() : named) {}
      ~made_file() {
        std::error_code ignored;
        if (!kept && !path.empty()) std::filesystem::remove(path, ignored);
      }
      made_file(const made_file&) = delete;
      made_file& operator=(const made_file&) = delete;
    };
    struct owned {
      made_file made;  // before the stream, so that it is removed closed: systems keep open files
      std::ofstream file;
      text_event_sink sink;
      tracing_resource traced;
      owned(const options& told, std::pmr::memory_resource& upstream)
          : made(told.file),
            file(open(told.file)),
            sink(told.file.empty() ? std::cerr : static_cast<std::ostream&>(file)),
            traced(upstream, sink, told) {}
      static std::ofstream open(const std::string& path) {
        std::ofstream opened;
        if (path.empty()) return opened;
        opened.open(path, std::ios::app);
        if (!opened) throw std::runtime_error(path + ": " + std::generic_category().message(errno));
        return opened;
      }
    };
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    const auto whole = std::make_shared<owned>(told, *from.memory("upstream"));
    product result;
    result.owner = whole;
    result.memory = &whole->traced;
    result.keep = [of = whole.get()] { of->made.kept = true; };
    result.options_in_force = [of = whole.get(), told] {
      options now = told;
      now.enabled = of->traced.enabled();
      return std::any(now);
    };
    return result;
  };
  return made;
}

strategy debug_entry() {
  using options = debug_options;
  using threads = options::threads;
  strategy made = entry_for<options>(
      "debug_resource", "finds misuse, damage beside blocks and leaks, with call stacks", book_keeping::own,
      rows<options>()
          .upstream("where blocks and their fences come from")
          .required()
          .size("fence_bytes", &options::fence_bytes, "watched before and behind each block; 0: none",
                {0, std::size_t{1} << 20})
          .flag("fill_fresh", &options::fill_fresh, "new blocks are filled with a pattern")
          .flag("fill_freed", &options::fill_freed, "freed blocks are filled with a pattern, and writes to them found")
          .size("quarantine_bytes", &options::quarantine_bytes, "most upstream bytes of freed blocks kept back")
          .flag("record_stacks", &options::record_stacks, "where each block was allocated and freed")
          .flag("report_leaks", &options::report_leaks, "at destruction: what is still live then")
          .flag("report_leaks_at_exit", &options::report_leaks_at_exit, "the same when the program ends before")
          .choice<threads>("used_by", &options::used_by, "which threads may use it",
                           {{threads::any, "any"}, {threads::own_only, "own_only"}})
          .name()
          .done());
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    return owning(std::make_shared<debug_resource>(*from.memory("upstream"), told));
  };
  return made;
}

strategy allocator_entry() {
  strategy made =
      entry_for<no_options>("resource_from_allocator", "std::allocator as a resource; other allocators need code",
                            book_keeping::none, rows<no_options>().name().done());
  made.make = [](const std::any&, const making& from) {
    using allocator = std::allocator<std::byte>;
    return owning(std::make_shared<resource_from_allocator<allocator>>(allocator(), from.name));
  };
  return made;
}

}  // namespace

std::vector<strategy> adaptor_strategies() {
  return {synchronized_entry(), statistics_entry(), limiting_entry(), fallback_entry(), routing_entry(),
          zeroing_entry(),      tracing_entry(),    sampling_entry(), debug_entry(),    allocator_entry()};
}

}  // namespace allot::config
