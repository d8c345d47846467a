#include <memory_resource>

#include "table_rows.hpp"

namespace allot::config {
namespace {

strategy shared_entry(std::string_view name, std::string_view doc, std::pmr::memory_resource* (*get)() noexcept) {
  strategy made = entry_for<no_options>(name, doc, book_keeping::none, {});
  made.make = [get](const std::any&, const making&) {
    product result;
    result.memory = get();
    return result;
  };
  return made;
}

template <class Pool>
strategy pool_entry(std::string_view name, std::string_view doc) {
  using options = std::pmr::pool_options;
  strategy made =
      entry_for<options>(name, doc, book_keeping::none,
                         rows<options>()
                             .upstream("where chunks come from; without it the default resource")
                             .size("largest_required_pool_block", &options::largest_required_pool_block,
                                   "larger requests go upstream one by one; 0: the library decides")
                             .count("max_blocks_per_chunk", &options::max_blocks_per_chunk, "0: the library decides")
                             .done());
  made.untold = [](const std::any&) { return std::any(Pool(options(), std::pmr::new_delete_resource()).options()); };
  made.make = [](const std::any& is, const making& from) {
    return owning_with_options<options>(
        std::make_shared<Pool>(std::any_cast<const options&>(is), upstream_or_default(from)));
  };
  return made;
}

struct buffer_options {
  std::size_t initial_size = 0;
};

strategy buffer_entry() {
  strategy made = entry_for<buffer_options>(
      "monotonic_buffer_resource", "the standard's arena; chained_arena is ours", book_keeping::none,
      rows<buffer_options>()
          .upstream("where buffers come from; without it the default resource")
          .size("initial_size", &buffer_options::initial_size, "of the first buffer; 0: the library decides")
          .done());
  made.make = [](const std::any& is, const making& from) {
    using resource = std::pmr::monotonic_buffer_resource;
    const std::size_t size = std::any_cast<const buffer_options&>(is).initial_size;
    std::pmr::memory_resource* const upstream = upstream_or_default(from);
    return owning(size != 0 ? std::make_shared<resource>(size, upstream) : std::make_shared<resource>(upstream));
  };
  return made;
}

}  // namespace

std::vector<strategy> standard_strategies() {
  return {
      shared_entry("default_resource", "the default resource in force when the config is read",
                   &std::pmr::get_default_resource),
      shared_entry("new_delete_resource", "the standard's: operator new and delete", &std::pmr::new_delete_resource),
      shared_entry("null_memory_resource", "the standard's: refuses everything", &std::pmr::null_memory_resource),
      pool_entry<std::pmr::unsynchronized_pool_resource>("unsynchronized_pool_resource",
                                                         "the standard's pool for one thread; pool_resource is ours"),
      pool_entry<std::pmr::synchronized_pool_resource>("synchronized_pool_resource",
                                                       "the standard's pool for many threads; concurrent_pool is ours"),
      buffer_entry()};
}

}  // namespace allot::config
