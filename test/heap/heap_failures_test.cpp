// A heap whose upstream, or system, fails at every call in turn.

#include <allot/os/failure_injection.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/failing_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <vector>

#include "heap/heaps.hpp"
#include "support/access.hpp"
#include "support/bytes.hpp"
#include "support/misuse_watch.hpp"
#include "support/usage.hpp"

using namespace allot;
using test::held_block;
using test::misuse_watch;
using testing::counting_resource;
using testing::failing_resource;

namespace {

struct wanted_block {
  std::size_t bytes;
  std::size_t alignment;
};

/// Enough for more ranges than a list has room for at first, and for every way to get one.
std::vector<wanted_block> many_requests() {
  std::vector<wanted_block> all{{100, 8}, {1, 1}, {60'000, 16}, {200'000, 64}, {50, 4096}, {3000, 16}};
  for (std::size_t i = 0; i < 16; ++i) all.push_back({20'000 + i * 3000, std::size_t{16} << i % 5});
  return all;
}

heap_options with_small_ranges(bool checked) {
  heap_options options;
  options.first_chunk = 4096;
  options.largest_chunk = 8192;
  options.reserve = std::size_t{256} << 10;
  options.commit_step = 4096;
  options.checked = checked;
  return options;
}

/// Serves the requests, each again when it failed, and looks that a failure has changed nothing.
void serve_all(coalescing_heap& heap, std::vector<held_block>& blocks) {
  for (const wanted_block& each : many_requests()) {
    const test::heap_state before = test::state_of(heap);
    void* p = nullptr;
    try {
      p = heap.allocate(each.bytes, each.alignment);
    } catch (const std::bad_alloc&) {
      const test::heap_state after = test::state_of(heap);
      BOOST_TEST((after.blocks == before.blocks), each.bytes << " bytes");
      BOOST_TEST(after.usage == before.usage, each.bytes << " bytes");
      BOOST_TEST(after.available == before.available);
      BOOST_TEST(heap.check());
      p = heap.allocate(each.bytes, each.alignment);
    }
    test::fill(p, each.bytes, 4);
    blocks.push_back({p, each.bytes, each.alignment});
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(heap_failures)

BOOST_AUTO_TEST_CASE(an_upstream_that_fails_at_any_request_leaves_the_heap_as_it_was) {
  const misuse_watch watch;
  for (const bool checked : {false, true}) {
    counting_resource counting;
    failing_resource upstream(&counting);
    const std::size_t failures = testing::for_each_failure(upstream, [&] {
      coalescing_heap heap(with_small_ranges(checked), &upstream);
      std::vector<held_block> blocks;
      serve_all(heap, blocks);
      BOOST_TEST(test::holds_just(heap, blocks, checked));
      BOOST_TEST(heap.usage().reserved == counting.live_bytes());
      test::give_all_at_random(heap, blocks);
      (void)heap.trim();
      BOOST_TEST(counting.live_blocks() == 0u);
    });
    BOOST_TEST(failures > 15u);
    BOOST_TEST(counting.mismatches().empty());
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(an_upstream_that_fails_for_good_has_its_own_exception_come_through) {
  counting_resource counting;
  failing_resource upstream(&counting);
  coalescing_heap heap(with_small_ranges(false), &upstream);
  std::vector<held_block> blocks;
  serve_all(heap, blocks);
  const test::heap_state before = test::state_of(heap);
  upstream.fail_at(1, failing_resource::rule::from_then_on);
  BOOST_CHECK_THROW((void)heap.allocate(1'000'000), testing::injected_failure);
  BOOST_TEST(heap.try_allocate(1'000'000) == nullptr);
  BOOST_TEST((test::state_of(heap) == before));
  test::give_all(heap, blocks);
  (void)heap.trim();
  BOOST_TEST(counting.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(a_system_that_fails_at_any_call_leaves_the_heap_as_it_was) {
  const misuse_watch watch;
  for (const os::os_call which : {os::os_call::any, os::os_call::map, os::os_call::protect, os::os_call::advise}) {
    std::size_t nth = 1;
    for (bool fired = true; fired; ++nth) {
      coalescing_heap heap(with_small_ranges(nth % 2 == 0));
      std::vector<held_block> blocks;
      BOOST_TEST_CONTEXT("call " << nth << " of kind " << static_cast<unsigned>(which)) {
        const os::failure_injection injection(nth, which);
        serve_all(heap, blocks);
        fired = injection.fired();
      }
      BOOST_TEST(heap.check());
      BOOST_TEST(test::holds_just(heap, blocks, nth % 2 == 0));
      test::give_all_at_random(heap, blocks);
    }
    BOOST_TEST(nth > (which == os::os_call::advise ? 1u : 8u));
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_reservation_that_fails_leaves_no_longer_list_of_ranges) {
  heap_options options = with_small_ranges(false);
  options.reserve = std::size_t{64} << 10;
  std::size_t nth = 1;
  for (bool fired = true; fired; ++nth) {
    coalescing_heap heap(options);
    std::vector<held_block> blocks;
    BOOST_TEST_CONTEXT("call " << nth) {
      const os::failure_injection injection(nth);
      serve_all(heap, blocks);
      fired = injection.fired();
    }
    test::give_all(heap, blocks);
  }
}

BOOST_AUTO_TEST_CASE(a_first_block_that_fails_keeps_no_address_space) {
  std::size_t nth = 1;
  for (bool fired = true; fired; ++nth) {
    coalescing_heap heap;
    const std::size_t before = test::address_space();
    const os::failure_injection injection(nth, os::os_call::map | os::os_call::protect,
                                          os::failure_injection::rule::from_then_on);
    void* const p = heap.try_allocate(100);
    fired = injection.fired();
    if (p == nullptr) BOOST_TEST(test::address_space() < before + (std::size_t{100} << 20), nth);
  }
  BOOST_TEST(nth > 3u);
}

BOOST_AUTO_TEST_CASE(a_system_that_fails_for_good_is_survived) {
  for (std::size_t nth = 1; nth < 60; ++nth) {
    coalescing_heap heap(with_small_ranges(false));
    std::vector<held_block> blocks;
    {
      const os::failure_injection injection(nth, os::os_call::map | os::os_call::protect,
                                            os::failure_injection::rule::from_then_on);
      for (const wanted_block& each : many_requests())
        if (void* const p = heap.try_allocate(each.bytes, each.alignment))
          blocks.push_back({p, each.bytes, each.alignment});
      BOOST_TEST(heap.check());
      BOOST_TEST(test::holds_just(heap, blocks));
    }
    serve_all(heap, blocks);
    BOOST_TEST(heap.check());
    BOOST_TEST(test::holds_just(heap, blocks));
    test::give_all(heap, blocks);
  }
}

BOOST_AUTO_TEST_CASE(a_commit_that_fails_while_a_block_grows_leaves_it_as_it_was) {
  std::size_t nth = 1;
  for (bool fired = true; fired; ++nth) {
    coalescing_heap heap(with_small_ranges(false));
    const held_block block = test::take(heap, 100);
    test::fill(block.p, 100, 9);
    const test::heap_state before = test::state_of(heap);
    bool grown = false;
    {
      const os::failure_injection injection(nth);
      grown = heap.try_expand(block.p, 100, 50'000, 16);
      fired = injection.fired();
    }
    BOOST_TEST(test::all_are(block.p, 100, 9));
    if (!grown) {
      BOOST_TEST((test::state_of(heap) == before), nth);
      BOOST_TEST_REQUIRE(heap.try_expand(block.p, 100, 50'000, 16));
    }
    BOOST_TEST(heap.check());
    BOOST_TEST(test::holds_just(heap, {{block.p, 50'000}}));
    heap.deallocate(block.p, 50'000);
  }
  BOOST_TEST(nth > (test::system_page_size() > 50'000 ? 1u : 2u));
}

BOOST_AUTO_TEST_CASE(a_trim_that_fails_gives_back_less_and_says_so) {
  const misuse_watch watch;
  std::size_t nth = 1;
  for (bool fired = true; fired; ++nth) {
    heap_options options = with_small_ranges(false);
    options.reserve = std::size_t{2} << 20;
    options.decommit_threshold = 4096;
    coalescing_heap heap(options);
    std::vector<held_block> blocks;
    for (std::size_t i = 0; i < 40; ++i) {
      blocks.push_back(test::take(heap, i % 2 == 0 ? 100 : 200'000));
      test::fill(blocks.back().p, blocks.back().bytes, 4);
    }
    std::vector<held_block> kept;
    for (std::size_t i = 0; i < 40; ++i) {
      if (i % 2 == 0) {
        kept.push_back(blocks[i]);
      } else {
        test::give(heap, blocks[i]);
      }
    }
    const std::size_t before = heap.usage().committed;
    {
      const os::failure_injection injection(nth);
      const std::size_t given = heap.trim();
      BOOST_TEST(heap.usage().committed == before - given, nth);
      fired = injection.fired();
    }
    BOOST_TEST(heap.check());
    BOOST_TEST(test::holds_just(heap, kept));
    for (const held_block& each : kept) BOOST_TEST(test::all_are(each.p, each.bytes, 4));
    (void)heap.trim();
    BOOST_TEST(heap.check());
    // All that is free can be written.
    for (std::size_t i = 0; i < 20; ++i) {
      kept.push_back(test::take(heap, 150'000));
      test::fill(kept.back().p, kept.back().bytes, 4);
    }
    BOOST_TEST(test::holds_just(heap, kept));
    test::give_all_at_random(heap, kept);
    heap.release();
    BOOST_TEST(heap.usage() == memory_usage{});
  }
  BOOST_TEST(nth > 5u);
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_SUITE_END()
