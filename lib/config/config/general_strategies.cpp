#include <allot/core/size_classes.hpp>
#include <allot/general/concurrent_general_resource.hpp>
#include <allot/general/general_resource.hpp>
#include <allot/general/medium_cache.hpp>
#include <allot/heap/coalescing_heap.hpp>

#include "table_rows.hpp"

namespace allot::config {
namespace {

strategy heap_entry() {
  using options = heap_options;
  strategy made = entry_for<options>(
      "coalescing_heap", "blocks of any size, merged with both neighbours on every free", book_keeping::own,
      rows<options>()
          .upstream("where chunks come from; without it reservations of its own")
          .size("reserve", &options::reserve, "address space of an own range; 0: 1 GiB, and less where refused")
          .without("upstream")
          .size("commit_step", &options::commit_step, "always commit an own range by this much; 0: as needed")
          .without("upstream")
          .size("page_size", &options::page_size, "of an own range and of page_local; 0, and the least: the system's",
                {1, std::size_t{1} << 30})
          .power_of_two()
          .or_zero()
          .flag("huge_pages", &options::huge_pages, "of an own range: advise the system to use huge pages")
          .without("upstream")
          // a part of each chunk is written at once, so one that is never filled costs memory, too
          .size("first_chunk", &options::first_chunk, "asked of an upstream at first, and the least later",
                {512, std::size_t{1} << 30})
          .with("upstream")
          .size("largest_chunk", &options::largest_chunk, "chunks are as large as all before them, up to this",
                {512, no_bound})
          .with("upstream")
          .flag("page_local", &options::page_local, "blocks no larger than a page never straddle two")
          .size("large_threshold", &options::large_threshold,
                "blocks from this size on start at a page of an own range")
          .without("upstream")
          .size("decommit_threshold", &options::decommit_threshold,
                "trim() gives back at least so much of an own range at a time")
          .without("upstream")
          .name()
          .flag("checked", &options::checked, "find overruns and wrong sizes to the byte")
          .done());
  made.untold = [](const std::any&) { return std::any(coalescing_heap().options()); };
  made.object = [](const std::any& is, const node& table) -> objection {
    const auto& told = std::any_cast<const options&>(is);
    return objection_to_order(told.first_chunk, told.largest_chunk, table, "first_chunk", "largest_chunk");
  };
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    return owning_with_options<options>(std::make_shared<coalescing_heap>(told, from.memory("upstream")));
  };
  return made;
}

template <class Resource>
strategy general_entry(std::string_view name, std::string_view doc) {
  using options = general_options;
  strategy made = entry_for<options>(
      name, doc, book_keeping::own,
      rows<options>()
          .upstream("where memory comes from; without it reservations of its own")
          .size("small_limit", &options::small_limit, "requests up to this come from pools; 0: as suits the strategy",
                {size_classes::smallest, size_classes::largest})
          .or_zero()
          .size("large_threshold", &options::large_threshold, "requests from this on start at pages",
                {2 * medium_cache::largest, no_bound})
          .size("return_after", &options::return_after,
                "large bytes freed until what is free goes back; 0: only by trim()")
          .size("reserve", &options::reserve, "address space of an own range; 0: 1 GiB, and less where refused")
          .without("upstream")
          .flag("huge_pages", &options::huge_pages, "of an own range: advise the system to use huge pages")
          .without("upstream")
          .name()
          .flag("checked", &options::checked, "find misuse at the free itself, and overruns of larger blocks")
          .done());
  made.untold = [](const std::any&) { return std::any(Resource().options()); };
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    return owning_with_options<options>(std::make_shared<Resource>(told, from.memory("upstream")));
  };
  return made;
}

}  // namespace

std::vector<strategy> general_strategies() {
  return {heap_entry(),
          general_entry<general_resource>("general_resource",
                                          "the good default: pools for small blocks, a heap for others; one thread"),
          general_entry<concurrent_general_resource>("concurrent_general_resource", "the same for many threads")};
}

}  // namespace allot::config
