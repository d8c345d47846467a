#include "strategies.hpp"

#include <allot/arena/chained_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scratch_pair.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/general/concurrent_general_resource.hpp>
#include <allot/general/general_resource.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/secure/secure_resource.hpp>
#include <allot/secure/synchronized_secure_resource.hpp>
#include <cstddef>
#include <utility>

namespace main_job {

namespace {

// Most resources use again what was freed. Arenas must be told.
void make_ready(std::pmr::memory_resource&) noexcept {}
void make_ready(std::pmr::monotonic_buffer_resource& arena) noexcept { arena.release(); }
void make_ready(allot::arena& arena) { arena.clear(); }
void make_ready(allot::scratch_pair& pair) { pair.pick().clear(); }  // as at the end of its last scope

template <class Resource>
class subject_of final : public subject {
 public:
  template <class... Args>
  explicit subject_of(Args&&... args) : resource_(std::forward<Args>(args)...) {}

  std::pmr::memory_resource& memory() noexcept override { return resource_; }
  void reuse() override { make_ready(resource_); }

 private:
  Resource resource_;
};

/// A resource that does no more than its upstream.
class upstream_itself final : public subject {
 public:
  explicit upstream_itself(std::pmr::memory_resource& upstream) noexcept : upstream_(&upstream) {}
  std::pmr::memory_resource& memory() noexcept override { return *upstream_; }
  void reuse() override {}

 private:
  std::pmr::memory_resource* upstream_;
};

/// Pages straight from the system, in blocks large enough to be worth a mapping each.
class arena_on_pages final : public subject {
 public:
  std::pmr::memory_resource& memory() noexcept override { return arena_; }
  void reuse() override { arena_.clear(); }

 private:
  static allot::chained_arena_options on(allot::page_resource& pages) {
    allot::chained_arena_options options;
    options.upstream = &pages;
    options.first_block = std::size_t{64} << 10;
    return options;
  }

  allot::page_resource pages_;
  allot::chained_arena arena_{on(pages_)};
};

template <class Resource>
std::unique_ptr<subject> on_upstream(const surroundings& given) {
  return std::make_unique<subject_of<Resource>>(&given.upstream);
}

template <class Resource>
std::unique_ptr<subject> with_no_option(const surroundings&) {
  return std::make_unique<subject_of<Resource>>();
}

std::unique_ptr<subject> arena_of_virtual_blocks(const surroundings&) {
  allot::chained_arena_options options;
  options.virtual_blocks = true;
  return std::make_unique<subject_of<allot::chained_arena>>(options);
}

std::unique_ptr<subject> arena_of_one_block(const surroundings& given) {
  return std::make_unique<subject_of<allot::monotonic_arena>>(given.room, &given.upstream);
}

template <bool HugePages>
std::unique_ptr<subject> arena_of_one_reservation(const surroundings& given) {
  allot::monotonic_arena_options options;
  // A memory tool has blocks set apart, by less than three times what the job's blocks take themselves.
  options.size = given.room * (allot::memory_tools::active() ? 4 : 1);
  options.huge_pages = HugePages;
  return std::make_unique<subject_of<allot::monotonic_arena>>(options);
}

}  // namespace

const std::vector<strategy>& strategies() {
  using subject_pointer = std::unique_ptr<subject>;
  static const std::vector<strategy> table{
      {"new_delete_resource",
       [](const surroundings& given) -> subject_pointer { return std::make_unique<upstream_itself>(given.upstream); }},
      {"monotonic_buffer_resource", on_upstream<std::pmr::monotonic_buffer_resource>},
      {"unsynchronized_pool_resource", on_upstream<std::pmr::unsynchronized_pool_resource>},
      {"synchronized_pool_resource", on_upstream<std::pmr::synchronized_pool_resource>},
      {"general_resource", with_no_option<allot::general_resource>},
      {"concurrent_general_resource", with_no_option<allot::concurrent_general_resource>},
      {"coalescing_heap", with_no_option<allot::coalescing_heap>},
      {"coalescing_heap on an upstream", on_upstream<allot::coalescing_heap>},
      {"pool_resource", on_upstream<allot::pool_resource>},
      {"concurrent_pool", on_upstream<allot::concurrent_pool>},
      {"chained_arena", on_upstream<allot::chained_arena>},
      {"chained_arena, virtual blocks", arena_of_virtual_blocks},
      {"chained_arena on page_resource",
       [](const surroundings&) -> subject_pointer { return std::make_unique<arena_on_pages>(); }},
      {"monotonic_arena", arena_of_one_reservation<false>},
      {"monotonic_arena, huge pages", arena_of_one_reservation<true>},
      {"monotonic_arena on an upstream block", arena_of_one_block},
      {"scratch_pair", with_no_option<allot::scratch_pair>},
      {"secure_resource", with_no_option<allot::secure_resource>},
      {"synchronized_secure_resource", with_no_option<allot::synchronized_secure_resource>},
  };
  return table;
}

}  // namespace main_job
