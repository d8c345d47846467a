#include <algorithm>
#include <allot/adaptor/synchronized_resource.hpp>
#include <allot/arena/chained_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/block/guarded_page_resource.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/general/general_resource.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/inspect/heap_map.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/secure/secure_resource.hpp>
#include <allot/secure/synchronized_secure_resource.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <allot/testing/failing_resource.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <memory_resource>
#include <random>
#include <thread>
#include <vector>

#include "inspect/told_blocks.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"

using namespace allot;
using namespace allot::literals;
using allot::test::told_blocks;

namespace {

std::size_t blocks(const heap_map& map, block_state state) { return map.shares()[state].blocks; }
std::size_t bytes(const heap_map& map, block_state state) { return map.shares()[state].bytes; }

/// Whether the cells are in order, none lies over the next, and their sums are those of the whole map.
bool adds_up(const heap_map& map) {
  heap_shares sum;
  std::uintptr_t end = 0;
  for (const heap_cell& cell : map.cells()) {
    if (address_of(cell.begin) < end || cell.shares.sum().bytes > cell.span || cell.smallest > cell.largest)
      return false;
    end = address_of(cell.begin) + cell.span;
    for (const block_state state : heap_shares::states) sum.add(state, cell.shares[state]);
  }
  std::size_t by_size = 0;
  for (std::size_t i = 0; i < heap_map::size_steps; ++i) by_size += map.of_size(i).sum().bytes;
  return sum.sum().blocks == map.shares().sum().blocks && sum.sum().bytes == map.shares().sum().bytes &&
         by_size == sum.sum().bytes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(heap_maps)

BOOST_AUTO_TEST_CASE(a_heap_with_holes_shows_every_block_in_the_order_of_addresses) {
  alignas(64) std::array<std::byte, 4096> buffer;
  heap_options options;
  options.name = "letters";
  coalescing_heap heap(buffer.data(), buffer.size(), options);
  std::array<void*, 6> held{};
  for (void*& p : held) p = heap.allocate(96);
  heap.deallocate(held[1], 96);
  heap.deallocate(held[3], 96);

  const heap_map map = take_heap_map(heap);
  BOOST_TEST(map.name() == "letters");
  BOOST_TEST(map.kind() == "coalescing_heap");
  BOOST_TEST((map.usage() == heap.usage()));
  BOOST_TEST(!map.summarised());
  BOOST_TEST(adds_up(map));
  BOOST_TEST(blocks(map, block_state::used) == 4u);
  BOOST_TEST(bytes(map, block_state::used) == 4 * heap.find_block(held[0]).bytes);
  BOOST_TEST(blocks(map, block_state::free) == 3u);
  std::size_t seen = 0;
  for (const heap_cell& cell : map.cells())
    for (const void* p : held)
      if (cell.begin == p) {
        ++seen;
        BOOST_TEST(cell.span == heap.find_block(p).bytes);
        BOOST_TEST(cell.shares[p == held[1] || p == held[3] ? block_state::free : block_state::used].blocks == 1u);
      }
  BOOST_TEST(seen == 6u);
}

BOOST_AUTO_TEST_CASE(fragmentation_is_what_of_the_free_bytes_is_outside_the_largest_free_block) {
  told_blocks memory;
  BOOST_TEST(take_heap_map(memory).fragmentation() == 0.0);
  memory.add(0, 1000, block_state::used);
  BOOST_TEST(take_heap_map(memory).fragmentation() == 0.0);
  memory.add(1000, 300, block_state::free);
  BOOST_TEST(take_heap_map(memory).fragmentation() == 0.0);
  memory.add(5000, 100, block_state::free);
  const heap_map map = take_heap_map(memory);
  BOOST_TEST(map.fragmentation() == 0.25, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(map.largest(block_state::free) == 300u);
  BOOST_TEST(map.largest(block_state::used) == 1000u);
  BOOST_TEST(map.largest(block_state::unknown) == 0u);
}

BOOST_AUTO_TEST_CASE(blocks_are_counted_by_powers_of_two) {
  told_blocks memory;
  std::size_t at = 0;
  for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{4}, std::size_t{1023},
                                 std::size_t{1024}, test::two_to(40)}) {
    memory.add(at, size, size == 3 ? block_state::free : block_state::used);
    at += size;
  }
  const heap_map map = take_heap_map(memory);
  BOOST_TEST(map.of_size(0).sum().blocks == 1u);
  BOOST_TEST(map.of_size(1)[block_state::used].blocks == 1u);
  BOOST_TEST(map.of_size(1)[block_state::free].bytes == 3u);
  BOOST_TEST(map.of_size(2).sum().blocks == 1u);
  BOOST_TEST(map.of_size(9).sum().bytes == 1023u);
  BOOST_TEST(map.of_size(10).sum().bytes == 1024u);
  BOOST_TEST(map.of_size(test::narrow ? 31 : 40).sum().blocks == 1u);
  BOOST_TEST(adds_up(map));
}

BOOST_AUTO_TEST_CASE(a_heap_of_nothing_and_one_that_is_full_are_maps_like_others) {
  const coalescing_heap empty;
  const heap_map nothing = take_heap_map(empty);
  BOOST_TEST(nothing.cells().empty());
  BOOST_TEST(nothing.shares().sum().blocks == 0u);

  alignas(64) std::array<std::byte, 2048> buffer;
  coalescing_heap full(buffer.data(), buffer.size());
  try {
    for (;;) (void)full.allocate(16);
  } catch (const allocation_error&) {
  }
  const heap_map map = take_heap_map(full);
  BOOST_TEST(blocks(map, block_state::used) > 50u);
  BOOST_TEST(blocks(map, block_state::used) == full.statistics().live_blocks);
  BOOST_TEST(map.fragmentation() == 0.0);
  BOOST_TEST(map.largest(block_state::free) == full.statistics().largest_free);
  // Where a memory tool watches, the last bytes are too few for a block set apart.
  if (!memory_tools::active()) BOOST_TEST(blocks(map, block_state::free) == 0u);
}

BOOST_AUTO_TEST_CASE(very_many_blocks_are_summarised_with_exact_figures_in_the_memory_of_few) {
  std::mt19937 random(5);
  std::vector<block_info> told;
  std::size_t at = 0;
  for (std::size_t i = 0; i < 1'000'000; ++i) {
    const std::size_t size = i % 50'000 == 7 ? 1_MiB : 16 + random() % 100;
    told.push_back({reinterpret_cast<const void*>(0x10000 + at), size, false,
                    random() % 3 == 0 ? block_state::free : block_state::used});
    at += size + (random() % 1000 == 0 ? 100'000 : 0);
  }
  told_blocks in_order(told);
  std::shuffle(told.begin(), told.end(), random);
  told_blocks in_any_order(told);

  testing::counting_resource memory;
  heap_map_options options;
  options.memory = &memory;
  const heap_map map = take_heap_map(in_order, options);
  BOOST_TEST(memory.allocations() == 1u);
  BOOST_TEST(memory.live_bytes() <= 2 * options.most_cells * sizeof(heap_cell));
  BOOST_TEST(memory.live_bytes() < 2_MiB);
  BOOST_TEST(map.summarised());
  BOOST_TEST(map.cells().size() <= options.most_cells);
  BOOST_TEST(map.cells().size() >= options.most_cells / 4);
  BOOST_TEST(adds_up(map));
  BOOST_TEST(map.shares().sum().blocks == 1'000'000u);
  BOOST_TEST(map.largest(block_state::used) == 1_MiB);
  // Large blocks stay alone.
  const auto large = std::count_if(map.cells().begin(), map.cells().end(), [](const heap_cell& cell) {
    return cell.span == 1_MiB && cell.shares.sum().blocks == 1;
  });
  BOOST_TEST(large == 20);

  const heap_map other = take_heap_map(in_any_order, options);
  BOOST_TEST(adds_up(other));
  BOOST_TEST(other.window() == map.window());
  BOOST_REQUIRE(other.cells().size() == map.cells().size());
  for (std::size_t i = 0; i < map.cells().size(); ++i) {
    BOOST_REQUIRE(other.cells()[i].begin == map.cells()[i].begin);
    BOOST_REQUIRE(other.cells()[i].span == map.cells()[i].span);
    BOOST_REQUIRE(other.cells()[i].shares.sum().bytes == map.cells()[i].shares.sum().bytes);
  }

  const heap_map few = map.coarser(100);
  BOOST_TEST(few.cells().size() <= 100u);
  BOOST_TEST(adds_up(few));
  BOOST_TEST(few.shares().sum().bytes == map.shares().sum().bytes);
}

BOOST_AUTO_TEST_CASE(blocks_all_over_the_address_space_and_over_each_other_are_bounded_too) {
  std::mt19937_64 random(6);
  told_blocks memory;
  for (std::size_t i = 0; i < 20'000; ++i)
    memory.add(static_cast<std::size_t>(random()), static_cast<std::size_t>(random() >> random() % 64),
               block_state::used);
  for (std::size_t i = 0; i < 20'000; ++i) memory.add(0, ~std::size_t{0}, block_state::free);
  heap_map_options options;
  options.most_cells = 0;
  const heap_map map = take_heap_map(memory, options);
  BOOST_TEST(map.cells().size() <= 64u);
  BOOST_TEST(blocks(map, block_state::free) == 20'000u);
  BOOST_TEST(bytes(map, block_state::free) == ~std::size_t{0});
}

BOOST_AUTO_TEST_CASE(nothing_is_allocated_during_the_walk_and_failure_changes_nothing) {
  testing::counting_resource counting;
  struct watching final : resource {
    explicit watching(const testing::counting_resource& memory) : watched(memory) {}
    std::string_view kind() const noexcept override { return "watching"; }
    void for_each_block(block_visitor visitor) const override {
      const std::size_t before = watched.allocations();
      for (std::size_t i = 1; i < 10'000; ++i)
        visitor({reinterpret_cast<const void*>(i * 64), 32, true, block_state::used});
      during = watched.allocations() - before;
      walked = true;
    }
    void* do_allocate(std::size_t, std::size_t) override { throw std::bad_alloc(); }
    void do_deallocate(void*, std::size_t, std::size_t) override {}
    const testing::counting_resource& watched;
    mutable std::size_t during = 0;
    mutable bool walked = false;
  } memory(counting);

  heap_map_options options;
  options.memory = &counting;
  BOOST_TEST(take_heap_map(memory, options).shares().sum().blocks == 9999u);
  BOOST_TEST(memory.during == 0u);
  BOOST_TEST(counting.live_bytes() == 0u);

  memory.walked = false;
  options.memory = std::pmr::null_memory_resource();
  BOOST_CHECK_THROW((void)take_heap_map(memory, options), std::bad_alloc);
  BOOST_TEST(!memory.walked);
}

BOOST_AUTO_TEST_CASE(a_map_needs_neither_the_default_resource_nor_the_one_it_shows) {
  coalescing_heap heap;
  (void)heap.allocate(100);
  const testing::default_resource_guard guard(*std::pmr::null_memory_resource());
  BOOST_TEST(blocks(take_heap_map(heap), block_state::used) == 1u);
  heap_map_options options;
  options.memory = &heap;
  const heap_map map = take_heap_map(heap, options);
  BOOST_TEST(blocks(map, block_state::used) == 2u);  // the map's own, too
}

BOOST_AUTO_TEST_CASE(a_pool_shows_its_free_slots_and_what_is_in_no_slab) {
  pool_resource pool;
  std::vector<void*> held;
  for (int i = 0; i < 1000; ++i) held.push_back(pool.allocate(48));
  for (std::size_t i = 0; i < held.size(); i += 2) pool.deallocate(held[i], 48);
  const heap_map map = take_heap_map(pool);
  BOOST_TEST(adds_up(map));
  BOOST_TEST(blocks(map, block_state::used) == 500u);
  BOOST_TEST(bytes(map, block_state::used) == pool.usage().used);
  BOOST_TEST(bytes(map, block_state::free) >= 500u * 48);
  BOOST_TEST(bytes(map, block_state::free) <= pool.available());
  for (std::size_t i = 1; i < held.size(); i += 2) pool.deallocate(held[i], 48);
  BOOST_TEST(blocks(take_heap_map(pool), block_state::used) == 0u);
}

BOOST_AUTO_TEST_CASE(an_arena_shows_what_is_used_and_the_room_behind_it) {
  monotonic_arena arena;
  BOOST_TEST(take_heap_map(arena).cells().empty());
  (void)arena.push(1000, 1);
  const heap_map map = take_heap_map(arena);
  BOOST_TEST(adds_up(map));
  BOOST_TEST(bytes(map, block_state::used) == 1000u);
  BOOST_TEST(bytes(map, block_state::free) == arena.usage().committed - 1000);

  chained_arena chain;
  for (int i = 0; i < 20; ++i) (void)chain.push(500, 1);
  const heap_map chained = take_heap_map(chain);
  BOOST_TEST(adds_up(chained));
  BOOST_TEST(bytes(chained, block_state::used) == chain.usage().used);
  BOOST_TEST(bytes(chained, block_state::free) == chain.available());
}

BOOST_AUTO_TEST_CASE(every_kind_of_resource_shows_its_blocks_in_use) {
  coalescing_heap below;
  pool_resource pool(&below);
  concurrent_pool threads;
  general_resource general;
  secure_resource secure;
  synchronized_secure_resource locked;
  guarded_page_resource guarded;
  page_resource pages;
  synchronized_resource<> shared(below);
  for (resource* memory :
       {static_cast<resource*>(&pool), static_cast<resource*>(&threads), static_cast<resource*>(&general),
        static_cast<resource*>(&secure), static_cast<resource*>(&locked), static_cast<resource*>(&guarded),
        static_cast<resource*>(&pages), static_cast<resource*>(&shared)}) {
    BOOST_TEST_CONTEXT(memory->kind()) {
      const std::size_t before = blocks(take_heap_map(*memory), block_state::used);
      std::vector<void*> held;
      for (int i = 0; i < 40; ++i) held.push_back(memory->allocate(100));
      void* const large = memory->allocate(200'000);
      const heap_map map = take_heap_map(*memory);
      BOOST_TEST(adds_up(map));
      BOOST_TEST(blocks(map, block_state::used) == before + 41);
      memory->deallocate(large, 200'000);
      for (void* p : held) memory->deallocate(p, 100);
      BOOST_TEST(blocks(take_heap_map(*memory), block_state::used) == before);
    }
  }
}

BOOST_AUTO_TEST_CASE(freed_blocks_that_are_kept_back_show) {
  guarded_page_resource guarded;
  guarded.deallocate(guarded.allocate(123), 123);
  BOOST_TEST(bytes(take_heap_map(guarded), block_state::quarantined) == 123u);
  BOOST_TEST(bytes(take_heap_map(guarded), block_state::free) == 0u);
  secure_options options;
  options.level = secure_level::paranoid;
  secure_resource secure(options);
  secure.deallocate(secure.allocate(123), 123);
  BOOST_TEST(bytes(take_heap_map(secure), block_state::free) == 123u);
}

BOOST_AUTO_TEST_CASE(guards_slack_and_gaps_count_as_unknown) {
  heap_shares shares;
  for (const block_state state : {block_state::unknown, block_state::guard, block_state::slack, block_state::gap})
    shares.add(state, {1, 10});
  BOOST_TEST(shares[block_state::unknown].bytes == 40u);
  BOOST_TEST(shares.sum().blocks == 4u);
}

BOOST_AUTO_TEST_CASE(a_resource_that_locks_is_walked_while_others_work_with_it) {
  coalescing_heap heap;
  synchronized_resource<> shared(heap);
  synchronized_secure_resource secure;
  guarded_page_resource guarded;
  std::atomic<bool> done{false};
  std::vector<std::thread> others;
  for (resource* memory :
       {static_cast<resource*>(&shared), static_cast<resource*>(&secure), static_cast<resource*>(&guarded)})
    others.emplace_back([&, memory] {
      std::array<void*, 16> held{};
      for (std::size_t i = 0; !done; ++i) {
        void*& p = held[i % held.size()];
        if (p != nullptr) memory->deallocate(p, 64 + i % held.size());
        p = memory->allocate(64 + i % held.size());
      }
      for (std::size_t i = 0; i < held.size(); ++i)
        if (held[i] != nullptr) memory->deallocate(held[i], 64 + i);
    });
  std::size_t most = 0;
  for (int i = 0; i < 60; ++i)
    for (const resource* memory : {static_cast<const resource*>(&shared), static_cast<const resource*>(&secure),
                                   static_cast<const resource*>(&guarded)}) {
      const heap_map map = take_heap_map(*memory);
      BOOST_TEST(adds_up(map));
      most = std::max(most, blocks(map, block_state::used));
    }
  done = true;
  for (std::thread& each : others) each.join();
  BOOST_TEST(most <= 16u);
}

BOOST_AUTO_TEST_CASE(blocks_known_from_elsewhere_make_the_same_map_as_those_of_a_resource) {
  told_blocks told("elsewhere");
  std::vector<block_info> blocks;
  for (std::size_t i = 0; i < 1000; ++i) {
    told.add(i * 100, 1 + i % 90, block_state::used);
    blocks.push_back({reinterpret_cast<const void*>(0x100000 + i * 100), 1 + i % 90, true, block_state::used});
  }
  heap_map_options few;
  few.most_cells = 100;
  const heap_map expected = take_heap_map(told, few);
  const heap_map map = heap_map_of("else\nwhere", blocks, few);
  BOOST_TEST(map.name() == "else?where");
  BOOST_TEST(map.kind() == map.name());
  BOOST_TEST(map.window() == expected.window());
  BOOST_TEST_REQUIRE(map.cells().size() == expected.cells().size());
  for (std::size_t i = 0; i < map.cells().size(); ++i) BOOST_TEST(map.cells()[i].begin == expected.cells()[i].begin);
  BOOST_TEST(map.shares()[block_state::used].bytes == expected.shares()[block_state::used].bytes);
  BOOST_TEST(map.usage().reserved == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
