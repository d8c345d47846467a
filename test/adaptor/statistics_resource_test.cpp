#include <allot/adaptor/statistics_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/testing/failing_resource.hpp>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <memory_resource>
#include <new>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "support/worker.hpp"

using namespace allot;

namespace {

statistics_options concurrently() {
  statistics_options options;
  options.concurrent = true;
  return options;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(statistics)

BOOST_AUTO_TEST_CASE(blocks_and_bytes_are_counted_as_they_come_and_go) {
  for (const bool concurrent : {false, true}) {
    statistics_options options;
    options.concurrent = concurrent;
    statistics_resource memory(*std::pmr::new_delete_resource(), options);
    void* const a = memory.allocate(100);
    void* const b = memory.allocate(28, 4);
    memory.deallocate(a, 100);
    void* const c = memory.allocate(1);
    const allocation_statistics now = memory.snapshot();
    BOOST_TEST(now.live_blocks == 2);
    BOOST_TEST(now.live_bytes == 29);
    BOOST_TEST(now.peak_blocks == 2);
    BOOST_TEST(now.peak_bytes == 128);
    BOOST_TEST(now.total_blocks == 3u);
    BOOST_TEST(now.total_bytes == 129u);
    BOOST_TEST(now.freed_blocks() == 1u);
    BOOST_TEST(now.failures == 0u);
    memory.deallocate(b, 28, 4);
    memory.deallocate(c, 1);
    BOOST_TEST(memory.snapshot().live_bytes == 0);
    BOOST_TEST(memory.snapshot().peak_bytes == 128);
  }
}

BOOST_AUTO_TEST_CASE(sizes_are_sorted_into_powers_of_two) {
  using s = allocation_statistics;
  BOOST_TEST(s::bucket_of(0) == 0u);
  BOOST_TEST(s::bucket_of(1) == 0u);
  for (std::size_t k = 1; k < 31; ++k) {
    const std::size_t bound = std::size_t{1} << k;
    BOOST_TEST(s::bucket_of(bound) == k);
    BOOST_TEST(s::bucket_of(bound + 1) == k + 1);
    BOOST_TEST(s::bucket_bound(k) == bound);
  }
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  BOOST_TEST(s::bucket_of(most) < s::buckets);
  BOOST_TEST(s::bucket_bound(s::bucket_of(most)) == most);

  statistics_resource memory(*std::pmr::new_delete_resource());
  for (const std::size_t bytes : {0u, 1u, 2u, 3u, 4u, 64u, 65u}) memory.deallocate(memory.allocate(bytes), bytes);
  const auto sizes = memory.snapshot().sizes;
  BOOST_TEST(sizes[0] == 2u);
  BOOST_TEST(sizes[1] == 1u);
  BOOST_TEST(sizes[2] == 2u);
  BOOST_TEST(sizes[6] == 1u);
  BOOST_TEST(sizes[7] == 1u);
}

BOOST_AUTO_TEST_CASE(refused_requests_are_failures_and_nothing_else) {
  testing::failing_resource failing;
  statistics_resource memory(failing);
  failing.fail_at(1, testing::failing_resource::rule::from_then_on);
  BOOST_CHECK_THROW((void)memory.allocate(10), testing::injected_failure);
  BOOST_TEST(memory.try_allocate(10) == nullptr);
  BOOST_TEST(memory.try_allocate(10, 3) == nullptr);
  const allocation_statistics now = memory.snapshot();
  BOOST_TEST(now.failures == 3u);
  BOOST_TEST(now.total_blocks == 0u);
  BOOST_TEST(now.total_bytes == 0u);
  BOOST_TEST(now.peak_bytes == 0);
}

BOOST_AUTO_TEST_CASE(a_block_that_changes_its_size_in_place_counts_with_the_new_one) {
  coalescing_heap heap;
  statistics_resource memory(heap);
  void* const p = memory.allocate(1000);
  BOOST_REQUIRE(memory.try_expand(p, 1000, 5000, 16));
  BOOST_TEST(memory.snapshot().live_bytes == 5000);
  BOOST_TEST(memory.snapshot().peak_bytes == 5000);
  BOOST_TEST(memory.snapshot().total_bytes == 5000u);
  BOOST_REQUIRE(memory.try_expand(p, 5000, 200, 16));
  BOOST_TEST(memory.snapshot().live_bytes == 200);
  BOOST_TEST(memory.snapshot().total_blocks == 1u);
  BOOST_TEST(!memory.try_expand(p, 200, std::numeric_limits<std::size_t>::max(), 16));
  BOOST_TEST(memory.snapshot().live_bytes == 200);
  memory.deallocate(p, 200, 16);
  BOOST_TEST(memory.snapshot().live_bytes == 0);
}

BOOST_AUTO_TEST_CASE(nested_counters_see_what_happens_inside_and_outer_ones_all) {
  statistics_resource memory(*std::pmr::new_delete_resource());
  void* const old = memory.allocate(1000);
  memory.push();
  void* const first = memory.allocate(10);
  memory.push();
  memory.deallocate(old, 1000);
  void* const second = memory.allocate(300);
  BOOST_TEST(memory.levels() == 2u);
  const allocation_statistics inner = memory.pop();
  BOOST_TEST(inner.live_blocks == 0);
  BOOST_TEST(inner.live_bytes == -700);
  BOOST_TEST(inner.peak_bytes == 0);
  BOOST_TEST(inner.total_blocks == 1u);
  memory.deallocate(first, 10);
  const allocation_statistics outer = memory.pop();
  BOOST_TEST(outer.live_bytes == -710 + 10);
  BOOST_TEST(outer.peak_bytes == 10);
  BOOST_TEST(outer.total_bytes == 310u);
  BOOST_TEST(memory.snapshot().peak_bytes == 1010);
  BOOST_TEST(memory.snapshot().total_bytes == 1310u);
  memory.deallocate(second, 300);
}

BOOST_AUTO_TEST_CASE(a_peak_inside_is_one_outside_too) {
  statistics_resource memory(*std::pmr::new_delete_resource());
  memory.push();
  memory.deallocate(memory.allocate(500), 500);
  BOOST_TEST(memory.snapshot().peak_bytes == 500);
  BOOST_TEST(memory.pop().peak_bytes == 500);
  BOOST_TEST(memory.snapshot().peak_bytes == 500);
  memory.push();
  BOOST_TEST(memory.snapshot().peak_bytes == 500);
  memory.deallocate(memory.allocate(100), 100);
  BOOST_TEST(memory.pop().peak_bytes == 100);
  BOOST_TEST(memory.snapshot().peak_bytes == 500);
}

BOOST_AUTO_TEST_CASE(counters_nest_so_deep_and_no_deeper) {
  statistics_resource memory(*std::pmr::new_delete_resource());
  BOOST_CHECK_THROW((void)memory.pop(), std::logic_error);
  for (std::size_t i = 0; i < statistics_resource::most_levels; ++i) memory.push();
  BOOST_CHECK_THROW(memory.push(), std::length_error);
  BOOST_TEST(memory.levels() == statistics_resource::most_levels);
  memory.deallocate(memory.allocate(7), 7);
  for (std::size_t i = 0; i < statistics_resource::most_levels; ++i) BOOST_TEST(memory.pop().total_bytes == 7u);
}

BOOST_AUTO_TEST_CASE(two_snapshots_have_a_difference) {
  statistics_resource memory(*std::pmr::new_delete_resource());
  void* const kept = memory.allocate(50);
  const allocation_statistics before = memory.snapshot();
  memory.deallocate(kept, 50);
  void* const p = memory.allocate(80);
  const allocation_statistics between = difference(before, memory.snapshot());
  BOOST_TEST(between.live_blocks == 0);
  BOOST_TEST(between.live_bytes == 30);
  BOOST_TEST(between.peak_bytes == 30);
  BOOST_TEST(between.total_blocks == 1u);
  BOOST_TEST(between.total_bytes == 80u);
  BOOST_TEST(between.sizes[allocation_statistics::bucket_of(80)] == 1u);
  BOOST_TEST(between.sizes[allocation_statistics::bucket_of(50)] == 0u);
  memory.deallocate(p, 80);
}

BOOST_AUTO_TEST_CASE(they_print_as_lines) {
  statistics_resource memory(*std::pmr::new_delete_resource());
  void* const p = memory.allocate(3000);
  memory.deallocate(memory.allocate(5), 5);
  std::ostringstream out;
  out << memory.snapshot();
  BOOST_TEST(out.str() ==
             "live:     3000 bytes in 1 blocks\n"
             "peak:     3005 bytes, 2 blocks\n"
             "total:    3005 bytes in 2 blocks\n"
             "failures: 0\n"
             "  up to 8B: 1\n"
             "  up to 4KiB: 1\n");
  memory.deallocate(p, 3000);
}

BOOST_AUTO_TEST_CASE(releasing_begins_anew_where_the_upstream_can) {
  coalescing_heap heap;
  statistics_resource memory(heap);
  memory.push();
  (void)memory.allocate(100);
  memory.release();
  BOOST_TEST(memory.snapshot().live_bytes == 0);
  BOOST_TEST(memory.snapshot().total_bytes == 0u);
  BOOST_TEST(memory.levels() == 0u);
  BOOST_TEST(heap.usage().used == 0u);

  statistics_resource over_foreign(*std::pmr::new_delete_resource());
  void* const p = over_foreign.allocate(100);
  over_foreign.release();
  BOOST_TEST(over_foreign.snapshot().live_bytes == 100);
  over_foreign.deallocate(p, 100);
}

BOOST_AUTO_TEST_CASE(a_peak_is_never_below_what_lives_though_counters_begin_meanwhile) {
  concurrent_pool pool;
  statistics_resource memory(pool, concurrently());
  std::atomic<std::size_t> wrong{0};
  std::vector<void*> kept(2000);
  test::in_threads(2, [&](std::size_t thread) {
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (thread == 0) {
        kept[i] = memory.allocate(8);
        continue;
      }
      memory.push();
      const allocation_statistics inside = memory.pop();
      if (inside.peak_blocks < inside.live_blocks) ++wrong;
    }
  });
  BOOST_TEST(wrong == 0u);
  BOOST_TEST(memory.snapshot().peak_blocks == 2000);
  BOOST_TEST(memory.snapshot().peak_bytes == 16000);
  for (void* const p : kept) memory.deallocate(p, 8);
}

BOOST_AUTO_TEST_CASE(eight_threads_are_counted_exactly) {
  concurrent_pool pool;
  statistics_resource memory(pool, concurrently());
  std::vector<std::vector<void*>> kept(8);
  test::in_threads(8, [&](std::size_t thread) {
    for (std::size_t i = 0; i < 2000; ++i) {
      memory.deallocate(memory.allocate(64), 64);
      if (i % 10 == 0) kept[thread].push_back(memory.allocate(thread + 1));
      if (i % 100 == 0) (void)memory.snapshot();
    }
  });
  const allocation_statistics now = memory.snapshot();
  BOOST_TEST(now.live_blocks == 8 * 200);
  BOOST_TEST(now.live_bytes == 200 * (1 + 2 + 3 + 4 + 5 + 6 + 7 + 8));
  BOOST_TEST(now.total_blocks == 8u * 2200);
  BOOST_TEST(now.total_bytes == 8u * 2000 * 64 + 200 * 36);
  BOOST_TEST(now.peak_bytes >= now.live_bytes);
  BOOST_TEST(now.peak_bytes <= now.live_bytes + 8 * 64);
  test::in_threads(8, [&](std::size_t thread) {
    const std::size_t of = (thread + 3) % 8;
    for (void* const p : kept[of]) memory.deallocate(p, of + 1);
  });
  BOOST_TEST(memory.snapshot().live_blocks == 0);
}

BOOST_AUTO_TEST_SUITE_END()
