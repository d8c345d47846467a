#include <allot/adaptor/debug_resource.hpp>
#include <allot/adaptor/limiting_resource.hpp>
#include <allot/adaptor/resource_from_allocator.hpp>
#include <allot/adaptor/statistics_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/misuse.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/testing/failing_resource.hpp>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <limits>
#include <memory_resource>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/misuse_watch.hpp"
#include "support/worker.hpp"

using namespace allot;

namespace {

bool is_limit(const allocation_error& error) { return error.code() == memory_errc::limit_reached; }

/// A handler with state of its own.
struct reaction {
  std::function<bool(const memory_pressure&)> react;
  std::vector<memory_pressure> seen{};

  static bool call(const memory_pressure& pressure, void* context) {
    auto& self = *static_cast<reaction*>(context);
    self.seen.push_back(pressure);
    return self.react(pressure);
  }
};

limiting_options limits(std::size_t soft, std::size_t hard, reaction* handler = nullptr) {
  limiting_options options;
  options.limit = hard;
  options.soft_limit = soft;
  if (handler != nullptr) options.handler = &reaction::call;
  options.handler_context = handler;
  return options;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(limits_of_resources)

BOOST_AUTO_TEST_CASE(a_request_that_would_pass_the_limit_throws_and_counts_nothing) {
  limiting_resource limited{100, *std::pmr::new_delete_resource()};
  void* const p = limited.allocate(60);
  BOOST_CHECK_EXCEPTION((void)limited.allocate(41), allocation_error, [](const allocation_error& e) {
    return is_limit(e) && e.bytes() == 41 && e.limit() == 100 && e.resource_name() == "limiting_resource";
  });
  BOOST_TEST(limited.try_allocate(41) == nullptr);
  BOOST_TEST(limited.live_bytes() == 60u);
  BOOST_TEST(limited.remaining() == 40u);
  void* const q = limited.allocate(40);
  BOOST_TEST(limited.remaining() == 0u);
  limited.deallocate(q, 40);
  limited.deallocate(p, 60);
  BOOST_TEST(limited.remaining() == 100u);
}

BOOST_AUTO_TEST_CASE(the_largest_sizes_do_not_wrap) {
  limiting_resource limited{limiting_options::no_limit, *std::pmr::null_memory_resource()};
  limiting_resource outer{100, *std::pmr::new_delete_resource()};
  void* const p = outer.allocate(10);
  BOOST_CHECK_EXCEPTION((void)outer.allocate(std::numeric_limits<std::size_t>::max()), allocation_error, is_limit);
  BOOST_CHECK_THROW((void)limited.allocate(std::numeric_limits<std::size_t>::max()), std::bad_alloc);
  BOOST_TEST(limited.live_bytes() == 0u);
  outer.deallocate(p, 10);
}

BOOST_AUTO_TEST_CASE(what_the_upstream_refuses_is_not_counted) {
  testing::failing_resource failing;
  limiting_resource limited{100, failing};
  failing.fail_at(1, testing::failing_resource::rule::from_then_on);
  BOOST_CHECK_THROW((void)limited.allocate(10), testing::injected_failure);
  BOOST_TEST(limited.try_allocate(10) == nullptr);
  BOOST_TEST(limited.live_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(growing_in_place_stays_within_the_limit_and_counts) {
  coalescing_heap heap;
  limiting_resource limited{1000, heap};
  void* const p = limited.allocate(100, 16);
  BOOST_TEST(!limited.try_expand(p, 100, 1001, 16));
  BOOST_TEST(limited.live_bytes() == 100u);
  BOOST_REQUIRE(limited.try_expand(p, 100, 900, 16));
  BOOST_TEST(limited.live_bytes() == 900u);
  BOOST_REQUIRE(limited.try_expand(p, 900, 50, 16));
  BOOST_TEST(limited.live_bytes() == 50u);
  limiting_resource over_foreign{1000, *std::pmr::new_delete_resource()};
  void* const q = over_foreign.allocate(10);
  BOOST_TEST(!over_foreign.try_expand(q, 10, 20, 16));
  BOOST_TEST(over_foreign.live_bytes() == 10u);
  over_foreign.deallocate(q, 10);
  limited.deallocate(p, 50, 16);
}

BOOST_AUTO_TEST_CASE(the_handler_hears_of_requests_past_the_soft_limit_which_are_served_all_the_same) {
  reaction handler{[](const memory_pressure&) { return false; }};
  limiting_resource limited(*std::pmr::new_delete_resource(), limits(50, 100, &handler));
  void* const p = limited.allocate(50);
  BOOST_TEST(handler.seen.empty());
  void* const q = limited.allocate(20);
  BOOST_REQUIRE(handler.seen.size() == 1u);
  BOOST_TEST(handler.seen[0].bytes == 20u);
  BOOST_TEST(handler.seen[0].taken == 50u);
  BOOST_TEST(handler.seen[0].soft_limit == 50u);
  BOOST_TEST(handler.seen[0].limit == 100u);
  BOOST_CHECK_EXCEPTION((void)limited.allocate(31), allocation_error, is_limit);
  BOOST_TEST(handler.seen.size() == 2u);
  limited.deallocate(q, 20);
  limited.deallocate(p, 50);
}

BOOST_AUTO_TEST_CASE(a_handler_may_free_until_the_request_fits) {
  std::vector<void*> cache;
  limiting_resource* memory = nullptr;
  reaction handler{[&](const memory_pressure&) {
    if (cache.empty()) return false;
    memory->deallocate(cache.back(), 10);
    cache.pop_back();
    return true;
  }};
  limiting_resource limited(*std::pmr::new_delete_resource(), limits(100, 100, &handler));
  memory = &limited;
  for (int i = 0; i < 10; ++i) cache.push_back(limited.allocate(10));
  void* const p = limited.allocate(45);
  BOOST_TEST(handler.seen.size() == 5u);
  BOOST_TEST(cache.size() == 5u);
  BOOST_TEST(limited.live_bytes() == 95u);
  BOOST_CHECK_EXCEPTION((void)limited.allocate(96), allocation_error, is_limit);
  BOOST_TEST(cache.empty());
  limited.deallocate(p, 45);
}

BOOST_AUTO_TEST_CASE(a_handler_that_says_again_but_frees_nothing_is_not_asked_for_ever) {
  reaction handler{[](const memory_pressure&) { return true; }};
  limiting_resource limited(*std::pmr::new_delete_resource(), limits(100, 100, &handler));
  void* const p = limited.allocate(100);
  BOOST_CHECK_EXCEPTION((void)limited.allocate(1), allocation_error, is_limit);
  BOOST_TEST(handler.seen.size() == 1u);
  limited.deallocate(p, 100);
}

BOOST_AUTO_TEST_CASE(what_a_handler_throws_ends_the_request_and_nothing_is_counted) {
  reaction handler{[](const memory_pressure&) -> bool { throw std::runtime_error("no"); }};
  coalescing_heap heap;
  limiting_resource limited(heap, limits(10, 100, &handler));
  BOOST_CHECK_THROW((void)limited.allocate(11), std::runtime_error);
  BOOST_CHECK_THROW((void)limited.reserve(11), std::runtime_error);
  BOOST_TEST(limited.try_allocate(11) == nullptr);
  void* const p = limited.allocate(10, 8);
  BOOST_TEST(!limited.try_expand(p, 10, 20, 8));
  BOOST_TEST(limited.live_bytes() == 10u);
  limited.deallocate(p, 10, 8);
}

BOOST_AUTO_TEST_CASE(requests_of_the_handler_itself_go_by_the_hard_limit_alone) {
  limiting_resource* memory = nullptr;
  reaction handler{[&](const memory_pressure&) {
    memory->deallocate(memory->allocate(30), 30);
    BOOST_CHECK_EXCEPTION((void)memory->allocate(101), allocation_error, is_limit);
    return false;
  }};
  limiting_resource limited(*std::pmr::new_delete_resource(), limits(10, 100, &handler));
  memory = &limited;
  limited.deallocate(limited.allocate(20), 20);
  BOOST_TEST(handler.seen.size() == 1u);
  BOOST_TEST(limited.live_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(a_soft_limit_is_never_above_the_hard_one) {
  limiting_resource limited(*std::pmr::new_delete_resource(), limits(500, 100));
  BOOST_TEST(limited.soft_limit() == 100u);
}

BOOST_AUTO_TEST_CASE(reserved_bytes_are_taken_until_they_are_used_or_given_up) {
  limiting_resource limited{100, *std::pmr::new_delete_resource()};
  {
    limit_reservation reserved = limited.reserve(70);
    BOOST_TEST(limited.remaining() == 30u);
    BOOST_TEST(limited.reserved_bytes() == 70u);
    BOOST_TEST(limited.live_bytes() == 0u);
    BOOST_CHECK_EXCEPTION((void)limited.allocate(31), allocation_error, is_limit);
    BOOST_CHECK_EXCEPTION((void)limited.reserve(31), allocation_error, is_limit);
    void* const p = reserved.allocate(60);
    BOOST_TEST(limited.remaining() == 30u);
    BOOST_TEST(limited.live_bytes() == 60u);
    BOOST_TEST(reserved.left() == 10u);
    BOOST_CHECK_EXCEPTION((void)reserved.allocate(11), allocation_error, is_limit);
    BOOST_TEST(reserved.try_allocate(11) == nullptr);
    reserved.deallocate(p, 60);
    BOOST_TEST(reserved.left() == 70u);
  }
  BOOST_TEST(limited.remaining() == 100u);
  BOOST_TEST(limited.reserved_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(blocks_outlive_their_reservation) {
  limiting_resource limited{100, *std::pmr::new_delete_resource()};
  void* p = nullptr;
  {
    limit_reservation reserved = limited.reserve(70);
    p = reserved.allocate(60);
  }
  BOOST_TEST(limited.live_bytes() == 60u);
  BOOST_TEST(limited.remaining() == 40u);
  limited.deallocate(p, 60);
  BOOST_TEST(limited.remaining() == 100u);
}

BOOST_AUTO_TEST_CASE(a_vector_in_a_reservation_never_meets_the_limit_half_way) {
  coalescing_heap heap;
  limiting_resource limited{10000, heap};
  limit_reservation reserved = limited.reserve(8000);
  void* const rest = limited.allocate(2000);
  {
    std::pmr::vector<int> numbers(&reserved);
    numbers.reserve(500);
    for (int i = 0; i < 500; ++i) numbers.push_back(i);
    BOOST_TEST(limited.remaining() == 0u);
  }
  BOOST_TEST(reserved.left() == 8000u);
  void* const p = reserved.allocate(100, 16);
  BOOST_TEST(!reserved.try_expand(p, 100, 8001, 16));
  BOOST_TEST(reserved.try_expand(p, 100, 8000, 16));
  BOOST_TEST(reserved.left() == 0u);
  BOOST_TEST(reserved.try_expand(p, 8000, 100, 16));
  BOOST_TEST(reserved.left() == 7900u);
  reserved.deallocate(p, 100, 16);
  limited.deallocate(rest, 2000);
}

BOOST_AUTO_TEST_CASE(releasing_counts_anew_but_for_what_is_reserved) {
  coalescing_heap heap;
  limiting_resource limited{1000, heap};
  const limit_reservation reserved = limited.reserve(300);
  (void)limited.allocate(500);
  limited.release();
  BOOST_TEST(limited.live_bytes() == 0u);
  BOOST_TEST(limited.remaining() == 700u);
}

BOOST_AUTO_TEST_CASE(counts_stay_when_what_is_below_keeps_its_blocks) {
  resource_from_allocator<std::allocator<char>> from_allocator;
  statistics_resource counted(*std::pmr::new_delete_resource());
  for (resource* const keeper : {static_cast<resource*>(&from_allocator), static_cast<resource*>(&counted)}) {
    limiting_resource limited{1000, *keeper};
    statistics_resource outer(limited);
    void* const p = outer.allocate(100);
    BOOST_TEST(!outer.can_release());
    outer.release();
    BOOST_TEST(limited.live_bytes() == 100u);
    BOOST_TEST(outer.snapshot().live_bytes == 100);
    outer.deallocate(p, 100);
    BOOST_TEST(limited.remaining() == 1000u);
    BOOST_TEST(outer.snapshot().live_bytes == 0);
  }
  BOOST_TEST(counted.snapshot().live_bytes == 0);
}

BOOST_AUTO_TEST_CASE(more_freed_than_taken_is_misuse_and_does_not_wrap) {
  debug_resource checking(*std::pmr::new_delete_resource());
  limiting_resource limited{1000, checking};
  void* const p = limited.allocate(100);
  {
    const test::misuse_watch watch;
    limited.deallocate(p, 80);  // which has no effect below
    BOOST_TEST(watch.only(misuse_kind::wrong_size));
    limited.deallocate(p, 100);
    BOOST_TEST(watch.only(misuse_kind::wrong_size));
  }
  BOOST_TEST(limited.remaining() <= 1000u);
  limited.deallocate(limited.allocate(900), 900);
}

BOOST_AUTO_TEST_CASE(a_request_for_no_bytes_takes_one) {
  limiting_resource limited{2, *std::pmr::new_delete_resource()};
  void* const a = limited.allocate(0);
  void* const b = limited.allocate(0);
  BOOST_CHECK_EXCEPTION((void)limited.allocate(0), allocation_error, is_limit);
  limited.deallocate(a, 0);
  limited.deallocate(b, 0);
  BOOST_TEST(limited.remaining() == 2u);
}

BOOST_AUTO_TEST_CASE(the_handler_is_not_called_where_it_could_not_help) {
  reaction handler{[](const memory_pressure&) { return true; }};
  coalescing_heap heap;
  limiting_resource limited(heap, limits(10, 100, &handler));
  void* const p = limited.allocate(50, 16);
  handler.seen.clear();
  BOOST_CHECK_EXCEPTION((void)limited.allocate(101), allocation_error, is_limit);
  BOOST_TEST(limited.try_expand(p, 50, 40, 16));
  BOOST_TEST(limited.try_expand(p, 40, 40, 16));
  limiting_resource over_foreign(*std::pmr::new_delete_resource(), limits(10, 100, &handler));
  void* const q = over_foreign.allocate(5);
  BOOST_TEST(!over_foreign.try_expand(q, 5, 50, 16));
  BOOST_TEST(handler.seen.empty());
  over_foreign.deallocate(q, 5);
  limited.deallocate(p, 40, 16);
}

BOOST_AUTO_TEST_CASE(the_handler_is_asked_again_though_another_takes_what_it_frees) {
  std::vector<void*> cache;
  limiting_resource* memory = nullptr;
  std::vector<void*> taken_by_others;
  reaction handler{[&](const memory_pressure&) {
    if (cache.empty()) return false;
    memory->deallocate(cache.back(), 10);
    cache.pop_back();
    if (taken_by_others.size() < 3) taken_by_others.push_back(memory->allocate(10));
    return true;
  }};
  limiting_resource limited(*std::pmr::new_delete_resource(), limits(100, 100, &handler));
  memory = &limited;
  for (int i = 0; i < 10; ++i) cache.push_back(limited.allocate(10));
  void* const p = limited.allocate(30);
  BOOST_TEST(cache.size() == 4u);
  limited.deallocate(p, 30);
  for (void* const each : taken_by_others) limited.deallocate(each, 10);
  for (void* const each : cache) limited.deallocate(each, 10);
  BOOST_TEST(limited.live_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(eight_threads_never_pass_the_limit_together) {
  concurrent_pool pool;
  limiting_resource limited{1000, pool};
  std::atomic<std::size_t> live{0};
  std::atomic<std::size_t> most{0};
  std::atomic<std::size_t> served{0};
  test::in_threads(8, [&](std::size_t) {
    for (int i = 0; i < 3000; ++i) {
      void* const p = limited.try_allocate(200);
      if (p == nullptr) continue;
      ++served;
      const std::size_t now = live += 200;
      std::size_t before = most;
      while (before < now && !most.compare_exchange_weak(before, now)) {
      }
      live -= 200;
      limited.deallocate(p, 200);
    }
  });
  BOOST_TEST(served > 0u);
  BOOST_TEST(most <= 1000u);
  BOOST_TEST(limited.live_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(eight_threads_share_a_reservation_whose_bytes_stay_taken) {
  concurrent_pool pool;
  limiting_resource limited{1000, pool};
  std::atomic<bool> stayed{true};
  std::atomic<std::size_t> served{0};
  {
    limit_reservation part = limited.reserve(800);
    test::in_threads(8, [&](std::size_t thread) {
      for (int i = 0; i < 2000; ++i) {
        void* const p = part.try_allocate(150);
        if (p == nullptr) continue;
        ++served;
        if (limited.remaining() > 200) stayed = false;
        if (thread % 2 == 0 && part.try_expand(p, 150, 100, 16))
          part.deallocate(p, 100, 16);
        else
          part.deallocate(p, 150);
      }
    });
    BOOST_TEST(part.left() == 800u);
    BOOST_TEST(limited.reserved_bytes() == 800u);
  }
  BOOST_TEST(served > 0u);
  BOOST_TEST(stayed);
  BOOST_TEST(limited.remaining() == 1000u);
}

BOOST_AUTO_TEST_CASE(eight_threads_call_a_handler_that_frees) {
  concurrent_pool pool;
  std::mutex mutex;
  std::vector<void*> cache;
  limiting_resource* memory = nullptr;
  const auto free_one = [&] {
    void* freed = nullptr;
    {
      const std::lock_guard lock(mutex);
      if (cache.empty()) return false;
      freed = cache.back();
      cache.pop_back();
    }
    memory->deallocate(freed, 100);
    return true;
  };
  limiting_options options = limits(1000, 2000);
  options.handler = [](const memory_pressure&, void* context) {
    return (*static_cast<decltype(free_one)*>(context))();
  };
  options.handler_context = const_cast<void*>(static_cast<const void*>(&free_one));
  limiting_resource limited(pool, options);
  memory = &limited;
  std::atomic<bool> within{true};
  test::in_threads(8, [&](std::size_t) {
    for (int i = 0; i < 1000; ++i) {
      void* const p = limited.try_allocate(100);
      if (p == nullptr) continue;
      if (limited.remaining() > 2000) within = false;
      const std::lock_guard lock(mutex);
      cache.push_back(p);
    }
  });
  BOOST_TEST(within);
  BOOST_TEST(limited.live_bytes() == 100 * cache.size());
  BOOST_TEST(limited.live_bytes() <= 2000u);
  while (free_one()) {
  }
  BOOST_TEST(limited.live_bytes() == 0u);
  BOOST_TEST(pool.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(a_reservation_has_no_more_than_what_is_left_and_the_upstream_has) {
  coalescing_heap heap;
  heap.deallocate(heap.allocate(100), 100);
  limiting_resource limited{1000000000, heap};
  limit_reservation small = limited.reserve(100);
  BOOST_TEST(small.available() == 100u);
  limit_reservation large = limited.reserve(900000000);
  BOOST_TEST(large.available() == heap.available());
}

BOOST_AUTO_TEST_SUITE_END()
