#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <allot/arena/chained_arena.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <allot/testing/failing_resource.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "support/access.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"
#include "support/usage.hpp"
#include "support/with_code.hpp"

using namespace allot;
using namespace allot::literals;
using test::misuse_watch;
using test::with_code;
using testing::counting_resource;
using testing::failing_resource;

namespace {

constexpr std::size_t max = std::numeric_limits<std::size_t>::max();

// Under a memory tool redzones take room in blocks, so exact sequences are those of the plain program.
bool exact() { return !memory_tools::active(); }

std::vector<std::size_t> sizes_asked(const counting_resource& upstream) {
  std::vector<std::size_t> sizes;
  for (const auto& call : upstream.calls())
    if (call.what == counting_resource::call::kind::allocate) sizes.push_back(call.bytes);
  return sizes;
}

chained_arena_options over(std::pmr::memory_resource& upstream) {
  chained_arena_options options;
  options.upstream = &upstream;
  return options;
}

chained_arena_options virtual_options(std::size_t reserve) {
  chained_arena_options options;
  options.virtual_blocks = true;
  options.reserve = reserve;
  return options;
}

/// Blocks reserved from that upstream, of `reserve` bytes.
chained_arena_options reserved_from(reserving_resource& upstream, std::size_t reserve) {
  chained_arena_options options = over(upstream);
  options.reserve = reserve;
  return options;
}

/// Commits by the page, so that numbers are what was asked for.
reserving_resource_options by_the_page() {
  reserving_resource_options options;
  options.policy = commit_policy::fixed_step;
  options.fixed_step = 1;
  options.huge_pages = false;
  return options;
}

const test::child_program touch_after_release{"arena_over_pages_after_release", [] {
                                                page_resource pages;
                                                chained_arena arena(&pages);
                                                auto* p = static_cast<volatile char*>(arena.allocate(100));
                                                arena.release();
                                                *p = 1;
                                              }};
const test::child_program touch_virtual_after_release{"virtual_arena_after_release", [] {
                                                        chained_arena arena(virtual_options(1_MiB));
                                                        auto* p = static_cast<volatile char*>(arena.allocate(100));
                                                        arena.release();
                                                        *p = 1;
                                                      }};

static_assert(!std::is_copy_constructible_v<chained_arena> && !std::is_copy_assignable_v<chained_arena>);
static_assert(std::is_nothrow_default_constructible_v<chained_arena>);
static_assert(std::is_final_v<chained_arena>);

/// The newest block of an arena that reserves 8 MiB at a time.
void grow_past_what_is_committed(chained_arena& arena) {
  auto* p = static_cast<std::byte*>(arena.allocate(100));
  std::size_t bytes = 100;
  for (std::size_t wanted = 1000; wanted < 7_MiB; wanted *= 3) {
    BOOST_REQUIRE(arena.try_expand(p, bytes, wanted, 16));
    std::memset(p, 0x5a, wanted);
    bytes = wanted;
  }
  BOOST_TEST(!arena.try_expand(p, bytes, 9_MiB, 16));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(chained_arenas)

BOOST_AUTO_TEST_CASE(every_constructor_of_the_standards_resource_compiles_and_allocates_nothing) {
  counting_resource upstream;
  const testing::default_resource_guard guard(upstream);
  std::array<std::byte, 64> buffer;
  chained_arena by_default;
  chained_arena with_upstream{&upstream};
  chained_arena with_size{1024};
  chained_arena with_size_and_upstream{1024, &upstream};
  chained_arena with_buffer{buffer.data(), buffer.size()};
  chained_arena with_buffer_and_upstream{buffer.data(), buffer.size(), &upstream};
  chained_arena braces = {};
  for (chained_arena* arena : {&by_default, &with_upstream, &with_size, &with_size_and_upstream, &with_buffer,
                               &with_buffer_and_upstream, &braces}) {
    BOOST_TEST(arena->upstream_resource() == &upstream);
    BOOST_TEST(arena->upstream() == &upstream);
  }
  BOOST_TEST(upstream.allocations() == 0u);
  BOOST_TEST(by_default.allocate(100) != nullptr);
  BOOST_TEST(upstream.allocations() == 1u);
}

BOOST_AUTO_TEST_CASE(a_callers_buffer_is_filled_exactly_and_then_the_upstream_is_asked) {
  counting_resource upstream;
  alignas(16) std::array<std::byte, 256> buffer;
  {
    chained_arena arena(buffer.data(), buffer.size(), &upstream);
    for (std::size_t i = 0; i < 16; ++i) {
      BOOST_TEST(arena.available() == 256 - 16 * i);
      BOOST_TEST(arena.allocate(16) == buffer.data() + 16 * i);
    }
    BOOST_TEST(arena.available() == 0u);
    BOOST_TEST(upstream.allocations() == 0u);
    void* more = arena.allocate(1, 1);
    BOOST_TEST(upstream.allocations() == 1u);
    BOOST_TEST(!range_contains(buffer.data(), buffer.size(), more, 1));
    // release restores the first block: the caller's buffer, which is never freed
    arena.release();
    BOOST_TEST(upstream.live_blocks() == 0u);
    BOOST_TEST(arena.allocate(256, 1) == buffer.data());
    BOOST_TEST(upstream.allocations() == 1u);
  }
  std::memset(buffer.data(), 0x5a, buffer.size());
  BOOST_TEST(upstream.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(a_buffer_over_no_upstream_serves_all_of_it_and_then_refuses_as_the_upstream_does) {
  std::array<std::byte, 100> buffer;
  chained_arena arena(buffer.data(), buffer.size(), std::pmr::null_memory_resource());
  BOOST_TEST(arena.allocate(99, 1) == buffer.data());
  BOOST_CHECK_THROW((void)arena.allocate(2, 1), std::bad_alloc);
  BOOST_TEST(arena.allocate(1, 1) == buffer.data() + 99);
  BOOST_CHECK_THROW((void)arena.allocate(0, 1), std::bad_alloc);
  BOOST_TEST(arena.check());
}

BOOST_AUTO_TEST_CASE(an_odd_buffer_is_aligned_inside) {
  alignas(64) std::array<std::byte, 200> buffer;
  counting_resource upstream;
  chained_arena arena(buffer.data() + 1, 199, &upstream);
  BOOST_TEST(arena.allocate(8, 8) == buffer.data() + 8);
  BOOST_TEST(arena.allocate(1, 1) == buffer.data() + 16);
  BOOST_TEST(arena.allocate(64, 64) == buffer.data() + 64);
  BOOST_TEST(arena.allocate(72, 1) == buffer.data() + 128);
  BOOST_TEST(upstream.allocations() == 0u);
}

BOOST_AUTO_TEST_CASE(an_initial_size_is_there_for_the_caller_in_one_block) {
  for (std::size_t size :
       {std::size_t{1}, std::size_t{100}, std::size_t{1000}, std::size_t{4096}, std::size_t{65537}}) {
    counting_resource upstream;
    chained_arena arena(size, &upstream);
    if (exact()) {
      arena.allocate(size / 2 + 1, 1);
      arena.allocate(size - size / 2 - 1, 1);
    } else {
      arena.allocate(size, 1);
    }
    BOOST_TEST(upstream.allocations() == 1u, size);
  }
  BOOST_CHECK_THROW((void)chained_arena(max).allocate(max / 2), std::bad_alloc);
}

BOOST_AUTO_TEST_CASE(blocks_grow_as_documented_up_to_the_cap) {
  if (!exact()) return test::skip("redzones change the sequence under a memory tool");
  counting_resource upstream;
  chained_arena_options options = over(upstream);
  options.largest_block = 8_KiB;
  options.growth_percent = 200;
  chained_arena arena(options);
  for (int i = 0; i < 2200; ++i) arena.allocate(16);
  const std::vector<std::size_t> expected{1_KiB, 2_KiB, 4_KiB, 8_KiB, 8_KiB, 8_KiB, 8_KiB};
  BOOST_TEST(sizes_asked(upstream) == expected, boost::test_tools::per_element());
  // and the same again after release
  arena.release();
  for (int i = 0; i < 100; ++i) arena.allocate(16);
  BOOST_TEST(sizes_asked(upstream)[expected.size()] == 1_KiB);
  BOOST_TEST(sizes_asked(upstream)[expected.size() + 1] == 2_KiB);

  counting_resource constant_upstream;
  options = over(constant_upstream);
  options.first_block = 512;
  options.growth_percent = 100;
  chained_arena constant(options);
  for (int i = 0; i < 80; ++i) constant.allocate(16);
  BOOST_TEST(sizes_asked(constant_upstream) == std::vector<std::size_t>(3, 512), boost::test_tools::per_element());

  counting_resource default_upstream;
  chained_arena by_default(over(default_upstream));
  for (int i = 0; i < 500; ++i) by_default.allocate(16);
  BOOST_TEST(sizes_asked(default_upstream) == (std::vector<std::size_t>{1024, 1536, 2304, 3456}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_huge_request_gets_a_block_of_its_own_and_the_current_one_goes_on) {
  counting_resource upstream;
  chained_arena arena(64_KiB, &upstream);
  auto* before = static_cast<std::byte*>(arena.allocate(16));
  arena.allocate(10_MiB);
  auto* after = static_cast<std::byte*>(arena.allocate(16));
  BOOST_TEST(upstream.allocations() == 2u);
  BOOST_TEST(after > before);
  BOOST_TEST(static_cast<std::size_t>(after - before) <= 16 + memory_tools::redzone);
  BOOST_TEST(arena.usage().wasted <= 256u);
}

BOOST_AUTO_TEST_CASE(requests_just_over_what_is_left_do_not_make_every_one_a_block) {
  counting_resource upstream;
  chained_arena arena(&upstream);
  for (int i = 0; i < 1000; ++i) arena.allocate(600);
  BOOST_TEST(upstream.allocations() <= 15u);
}

BOOST_AUTO_TEST_CASE(over_alignment_beyond_a_block_is_met) {
  counting_resource upstream;
  chained_arena arena(&upstream);
  for (std::size_t alignment = 1; alignment <= 1_MiB; alignment *= 2) {
    for (std::size_t bytes : {std::size_t{1}, std::size_t{24}, std::size_t{5000}}) {
      auto* p = static_cast<std::byte*>(arena.allocate(bytes, alignment));
      BOOST_TEST(is_aligned(p, alignment));
      std::memset(p, 0x5a, bytes);
    }
  }
  // Upstreams are asked for their natural alignment only.
  for (const auto& call : upstream.calls()) BOOST_TEST(call.alignment <= alignof(std::max_align_t));
}

BOOST_AUTO_TEST_CASE(sizes_that_cannot_be_are_refused_and_nothing_moves) {
  counting_resource upstream;
  chained_arena arena(&upstream);
  auto* before = static_cast<std::byte*>(arena.allocate(16));
  const memory_usage usage = arena.usage();
  for (std::size_t bytes : {max, max - 1, max - 63, max - 64, max / 2 + 1, max / 2 - 20})
    for (std::size_t alignment : {std::size_t{1}, std::size_t{16}, std::size_t{4096}, test::two_to(40)})
      BOOST_CHECK_THROW((void)arena.allocate(bytes, alignment), std::bad_alloc);
  BOOST_CHECK_EXCEPTION((void)arena.allocate(max - 63), allocation_error, with_code(memory_errc::size_overflow));
  BOOST_TEST((arena.usage() == usage));
  auto* after = static_cast<std::byte*>(arena.allocate(16));
  BOOST_TEST(after > before);
  BOOST_TEST(upstream.allocations() == 1u);
}

BOOST_AUTO_TEST_CASE(zero_bytes_are_a_block_of_their_own) {
  chained_arena arena;
  void* a = arena.allocate(0);
  void* b = arena.allocate(0);
  void* c = arena.allocate(0, 1);
  BOOST_TEST(a != nullptr);
  BOOST_TEST(a != b);
  BOOST_TEST(b != c);
}

BOOST_AUTO_TEST_CASE(an_alignment_that_is_none_is_misuse_and_refused) {
  chained_arena_options options;
  options.checked = true;
  chained_arena arena;
  chained_arena checked(options);
  const misuse_watch watch;
  BOOST_CHECK_EXCEPTION((void)arena.allocate(1, 0), allocation_error, with_code(memory_errc::invalid_alignment));
  arena.allocate(100);
  BOOST_CHECK_THROW((void)arena.allocate(1, 0), allocation_error);
  checked.allocate(100);
  BOOST_CHECK_THROW((void)checked.allocate(1, 24), allocation_error);
  BOOST_TEST(watch.count() == 3u);
}

BOOST_AUTO_TEST_CASE(the_limit_holds_and_says_so) {
  counting_resource upstream;
  chained_arena_options options = over(upstream);
  options.limit = 10000;
  options.name = "orders";
  chained_arena arena(options);
  arena.allocate(5000);
  try {
    arena.allocate(6000);
    BOOST_ERROR("beyond the limit");
  } catch (const allocation_error& error) {
    BOOST_TEST((error.code() == memory_errc::limit_reached));
    BOOST_TEST(error.limit() == 10000u);
    BOOST_TEST(error.bytes() == 6000u);
    BOOST_TEST(error.resource_name() == "orders");
  }
  arena.allocate(4000);
  BOOST_TEST(upstream.live_bytes() <= 10000u);
  for (int i = 0; i < 1000; ++i) (void)arena.try_allocate(16);
  BOOST_TEST(upstream.live_bytes() <= 10000u);
  BOOST_TEST(upstream.live_bytes() > 9900u);  // small requests may use what is left of the limit
  arena.release();
  arena.allocate(9900);
}

BOOST_AUTO_TEST_CASE(a_refusing_upstream_is_asked_for_half_down_to_the_request) {
  counting_resource small(std::pmr::new_delete_resource(), 3000);
  chained_arena arena(64_KiB, &small);
  for (int i = 0; i < 100; ++i) arena.allocate(500);
  BOOST_TEST(small.allocations() > 10u);
  BOOST_CHECK_THROW((void)arena.allocate(3000), std::bad_alloc);
  arena.allocate(2900 - memory_tools::redzone);
  BOOST_TEST(arena.check());
}

BOOST_AUTO_TEST_CASE(an_upstream_failing_at_any_call_leaves_the_arena_as_it_was) {
  counting_resource bottom;
  failing_resource upstream(&bottom);
  const std::size_t failures = testing::for_each_failure(upstream, [&] {
    chained_arena_options options = over(upstream);
    options.first_block = 200;
    options.growth_percent = 100;
    chained_arena arena(options);
    std::vector<unsigned char*> blocks;
    for (std::size_t i = 0; i < 60; ++i) {
      const memory_usage usage = arena.usage();
      const std::size_t live = bottom.live_bytes();
      try {
        blocks.push_back(static_cast<unsigned char*>(arena.allocate(40 + i, 8)));
      } catch (const testing::injected_failure&) {
        BOOST_TEST((arena.usage() == usage));
        BOOST_TEST(bottom.live_bytes() == live);
        BOOST_TEST(arena.check());
        blocks.push_back(static_cast<unsigned char*>(arena.allocate(40 + i, 8)));
      }
      std::memset(blocks.back(), static_cast<int>(i), 40 + i);
    }
    for (std::size_t i = 0; i < 60; ++i)
      for (std::size_t at = 0; at < 40 + i; ++at) BOOST_REQUIRE(blocks[i][at] == i);
  });
  BOOST_TEST(failures > 10u);
  BOOST_TEST(bottom.live_blocks() == 0u);
  BOOST_TEST(bottom.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(clear_keeps_the_blocks_and_the_next_round_asks_for_none) {
  counting_resource upstream;
  chained_arena arena(&upstream);
  std::mt19937 random(1);
  for (int round = 0; round < 5; ++round) {
    random.seed(1);
    for (int i = 0; i < 20000; ++i) std::memset(arena.allocate(1 + random() % 200), 1, 1);
    BOOST_TEST(arena.check());
    arena.clear();
    BOOST_TEST(arena.usage().used == 0u);
    BOOST_TEST(arena.usage().peak > 0u);
    BOOST_TEST(arena.check());
    if (round == 0) BOOST_TEST(upstream.allocations() > 5u);
  }
  const std::size_t asked = upstream.allocations();
  random.seed(1);
  for (int i = 0; i < 20000; ++i) arena.allocate(1 + random() % 200);
  BOOST_TEST(upstream.allocations() == asked);
  BOOST_TEST(upstream.deallocations() == 0u);
  arena.release();
  BOOST_TEST(upstream.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(clear_keeps_only_as_many_blocks_as_it_may_the_largest_ones) {
  counting_resource upstream;
  chained_arena_options options = over(upstream);
  options.retained_blocks = 2;
  chained_arena arena(options);
  for (int i = 0; i < 1000; ++i) arena.allocate(16);
  const std::size_t held = upstream.live_bytes();
  arena.clear();
  BOOST_TEST(upstream.live_blocks() == 2u);
  BOOST_TEST(upstream.live_bytes() * 2 > held);
  options.retained_blocks = 0;
  chained_arena none(options);
  none.allocate(16);
  none.clear();
  BOOST_TEST(upstream.live_blocks() == 2u);
  BOOST_TEST(arena.trim() > 0u);
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(arena.trim() == 0u);
}

BOOST_AUTO_TEST_CASE(kept_blocks_are_used_before_the_upstream_whatever_their_sizes) {
  counting_resource upstream;
  chained_arena arena(&upstream);
  for (std::size_t i = 1; i < 40; ++i) arena.allocate(i * 10007 % 50000);
  arena.clear();
  const std::size_t asked = upstream.allocations();
  for (std::size_t i = 39; i > 0; --i) arena.allocate(i * 10007 % 50000);
  BOOST_TEST(upstream.allocations() <= asked + 2);
  arena.clear();
  BOOST_TEST(arena.check());
  for (int i = 0; i < 100; ++i) arena.allocate(100);
  BOOST_TEST(upstream.allocations() <= asked + 2);
}

BOOST_AUTO_TEST_CASE(kept_blocks_make_room_when_only_they_stand_in_the_way_of_the_limit) {
  for (const bool virtual_blocks : {false, true}) {
    counting_resource upstream;
    chained_arena_options options = over(upstream);
    options.limit = 256_KiB;
    options.virtual_blocks = virtual_blocks;
    options.reserve = 64_KiB;
    chained_arena arena(options);
    while (arena.try_allocate(100) != nullptr) {
    }
    arena.clear();
    std::memset(arena.allocate(200_KiB), 1, 200_KiB);
    BOOST_TEST(arena.usage().committed <= 256_KiB);
    BOOST_TEST(arena.check());
    BOOST_CHECK_EXCEPTION((void)arena.allocate(200_KiB), allocation_error, with_code(memory_errc::limit_reached));
  }
}

BOOST_AUTO_TEST_CASE(a_huge_request_of_a_virtual_arena_leaves_the_current_block_alone) {
  chained_arena arena(virtual_options(64_MiB));
  for (int i = 0; i < 16; ++i) arena.allocate(64_KiB);
  for (int i = 0; i < 10; ++i) {
    arena.allocate(63_MiB + 512_KiB);
    arena.allocate(1_MiB);
  }
  BOOST_TEST(arena.usage().reserved < 720_MiB);  // 646 MiB are in use
  BOOST_TEST(arena.check());
}

BOOST_AUTO_TEST_CASE(the_peak_remembers_what_a_shrunk_block_had) {
  chained_arena arena;
  void* p = arena.allocate(1000);
  const std::size_t before = arena.usage().used;
  BOOST_TEST(arena.try_expand(p, 1000, 10, 16));
  BOOST_TEST(arena.usage().used < before);
  BOOST_TEST(arena.usage().peak == before);
}

BOOST_AUTO_TEST_CASE(a_block_that_ends_where_the_window_begins_is_not_taken_for_the_newest) {
  // The upstream's block ends exactly at the caller's buffer, which is empty.
  alignas(16) std::array<std::byte, 2048> memory;
  chained_arena outer(memory.data(), memory.size(), std::pmr::null_memory_resource());
  chained_arena arena(memory.data() + 1024, 1024, &outer);
  std::byte* const before_buffer = memory.data() + 1008;
  BOOST_TEST(!arena.try_expand(before_buffer, 16, 32, 16));
  BOOST_TEST(arena.try_expand(before_buffer, 16, 8, 16));
  BOOST_TEST(arena.check());
  BOOST_TEST(arena.available() == 1024u);
}

BOOST_AUTO_TEST_CASE(the_newest_block_grows_in_place_and_any_shrinks) {
  chained_arena arena(4_KiB);
  auto* a = static_cast<std::byte*>(arena.allocate(100));
  std::memset(a, 0x5a, 100);
  BOOST_TEST(arena.try_expand(a, 100, 1000, 16));
  std::memset(a + 100, 0x5a, 900);
  BOOST_TEST(!arena.try_expand(a, 1000, 1_MiB, 16));
  auto* b = static_cast<std::byte*>(arena.allocate(16));
  BOOST_TEST(b >= a + 1000);
  BOOST_TEST(!arena.try_expand(a, 1000, 1001, 16));
  BOOST_TEST(arena.try_expand(a, 1000, 10, 16));
  BOOST_TEST(arena.try_expand(b, 16, 8, 16));
  auto* c = static_cast<std::byte*>(arena.allocate(1, 1));
  BOOST_TEST(c >= b + 8);
  if (exact()) BOOST_TEST(c == b + 8);
  BOOST_TEST(!arena.try_expand(c, 1, max, 1));
  BOOST_TEST(arena.check());
}

BOOST_AUTO_TEST_CASE(virtual_blocks_commit_as_they_fill_and_then_chain) {
  chained_arena arena(virtual_options(8_MiB));
  BOOST_TEST(arena.upstream() == nullptr);
  BOOST_TEST(arena.usage().reserved == 0u);
  arena.allocate(16);
  BOOST_TEST(arena.usage().reserved == 8_MiB);
  BOOST_TEST(arena.usage().committed == 64_KiB);
  for (std::size_t i = 0; i < 20000; ++i) std::memset(arena.allocate(1000), 1, 1000);
  BOOST_TEST(arena.usage().reserved == 24_MiB);
  BOOST_TEST(arena.usage().committed <= 24_MiB);
  BOOST_TEST(arena.usage().committed > 20000u * 1000u);
  // A request larger than a virtual block gets one of its own size.
  std::memset(arena.allocate(20_MiB), 1, 20_MiB);
  BOOST_TEST(arena.check());
  arena.clear();
  const memory_usage kept = arena.usage();
  for (std::size_t i = 0; i < 20000; ++i) std::memset(arena.allocate(1000), 1, 1000);
  BOOST_TEST(arena.usage().reserved == kept.reserved);
  arena.release();
  BOOST_TEST((arena.usage() == memory_usage{}));
}

BOOST_AUTO_TEST_CASE(the_newest_block_of_a_virtual_arena_grows_past_what_is_committed) {
  chained_arena arena(virtual_options(8_MiB));
  grow_past_what_is_committed(arena);
}

BOOST_AUTO_TEST_CASE(the_limit_of_a_virtual_arena_counts_committed_bytes) {
  chained_arena_options options = virtual_options(64_MiB);
  options.limit = 1_MiB;
  chained_arena arena(options);
  std::size_t served = 0;
  while (arena.try_allocate(1000) != nullptr) served += 1000;
  BOOST_TEST(arena.usage().committed <= 1_MiB);
  if (exact()) BOOST_TEST(served > 1_MiB - 16_KiB);
  BOOST_CHECK_EXCEPTION((void)arena.allocate(1000), allocation_error, with_code(memory_errc::limit_reached));
}

BOOST_AUTO_TEST_CASE(a_refused_reservation_is_halved_down_to_the_request) {
  if (test::narrow) return test::skip(test::of_64_bits);
  if (test::reservations_take_memory()) return test::skip(test::takes_gigabytes);
  chained_arena_options options = virtual_options(test::two_to(60));  // no system has that
  chained_arena arena(options);
  std::memset(arena.allocate(100), 1, 100);
  BOOST_TEST(arena.usage().reserved > 0u);
  BOOST_TEST(arena.usage().reserved < (test::two_to(60)));
}

BOOST_AUTO_TEST_CASE(every_failure_of_the_system_leaves_a_virtual_arena_as_it_was) {
  for (const auto rule : {os::failure_injection::rule::once, os::failure_injection::rule::from_then_on}) {
    bool fired = true;
    std::size_t thrown = 0;
    for (std::size_t nth = 1; fired; ++nth) {
      chained_arena arena(virtual_options(256_KiB));
      const std::size_t maps = test::map_count();
      std::optional<os::failure_injection> injection(std::in_place, nth, os::os_call::any, rule);
      fired = false;
      for (std::size_t i = 0; i < 100; ++i) {
        const memory_usage usage = arena.usage();
        try {
          std::memset(arena.allocate(10000), 0x5a, 10000);
        } catch (const allocation_error& error) {
          ++thrown;
          fired = fired || injection->fired();
          injection.reset();
          BOOST_TEST((arena.usage() == usage));
          BOOST_TEST((error.code() == memory_errc::out_of_memory));
          BOOST_TEST(error.bytes() == 10000u);
          std::memset(arena.allocate(10000), 0x5a, 10000);
        }
        if (injection) fired = fired || injection->fired();
      }
      injection.reset();
      BOOST_TEST(arena.check());
      arena.release();
      if (!test::under_thread_sanitizer()) BOOST_TEST(test::map_count() <= maps + 1);  // it adds mappings of its own
    }
    if (rule == os::failure_injection::rule::from_then_on) BOOST_TEST(thrown > 3u);
  }
}

BOOST_AUTO_TEST_CASE(touching_memory_after_release_faults_where_the_mapping_is_gone) {
  BOOST_TEST(test::run_child("arena_over_pages_after_release").faulted());
  BOOST_TEST(test::run_child("virtual_arena_after_release").faulted());
}

BOOST_AUTO_TEST_CASE(deallocate_does_nothing_and_misuse_of_it_is_found_when_checked) {
  chained_arena_options options;
  options.checked = true;
  options.name = "orders";
  chained_arena arena(options);
  auto* p = static_cast<std::byte*>(arena.allocate(100, 16));
  char other = 0;
  const misuse_watch watch;
  arena.deallocate(p, 100, 16);
  BOOST_TEST(watch.nothing());
  p = static_cast<std::byte*>(arena.allocate(100, 16));
  arena.deallocate(&other, 1, 1);
  arena.deallocate(p, 5000, 16);
  arena.deallocate(p + 8, 10, 16);
  arena.deallocate(p, 10, 3);
  BOOST_REQUIRE(watch.count() == 4u);
  BOOST_TEST((watch[0].kind == misuse_kind::foreign_pointer));
  BOOST_TEST((watch[1].kind == misuse_kind::wrong_size));
  BOOST_TEST(watch[1].claimed == 5000u);
  BOOST_TEST(watch[1].actual == 100u);
  BOOST_TEST(watch[1].exact);
  BOOST_TEST((watch[2].kind == misuse_kind::wrong_alignment));
  BOOST_TEST((watch[3].kind == misuse_kind::invalid_alignment));
  BOOST_TEST(watch[0].resource == "orders");
}

BOOST_AUTO_TEST_CASE(the_arena_knows_what_is_its_own) {
  std::array<std::byte, 100> buffer;
  chained_arena arena(buffer.data(), buffer.size());
  auto* in_buffer = static_cast<std::byte*>(arena.allocate(50, 1));
  auto* in_block = static_cast<std::byte*>(arena.allocate(500, 1));
  BOOST_TEST(arena.owns(in_buffer + 49));
  BOOST_TEST(arena.owns(in_block + 499));
  BOOST_TEST(!arena.owns(&arena));
  BOOST_TEST((arena.find_block(in_buffer).state == block_state::used));
  BOOST_TEST((arena.find_block(in_buffer + 90).state == block_state::free));
  BOOST_TEST((arena.find_block(&arena).state == block_state::unknown));
  std::size_t regions = 0;
  std::size_t bytes = 0;
  std::size_t free = 0;
  auto visit = [&](const block_info& block) {
    if (block.state == block_state::free) {
      free += block.bytes;
      return;
    }
    ++regions;
    bytes += block.bytes;
  };
  arena.for_each_block(visit);
  BOOST_TEST(regions == 2u);
  BOOST_TEST(bytes == arena.usage().used);
  BOOST_TEST(free == arena.available());
  arena.clear();
  bytes = free = 0;
  arena.for_each_block(visit);
  BOOST_TEST(bytes == 0u);
  BOOST_TEST(free > arena.available());  // what is kept for later is free, too
}

BOOST_AUTO_TEST_CASE(options_in_force_can_be_read) {
  chained_arena_options options;
  options.growth_percent = 10;
  options.first_block = 1;
  options.name = "orders";
  const chained_arena arena(options);
  BOOST_TEST(arena.options().growth_percent == 100u);
  BOOST_TEST(arena.options().first_block >= 128u);
  BOOST_TEST(arena.options().upstream == std::pmr::get_default_resource());
  BOOST_TEST(arena.options().name == "orders");
  BOOST_TEST(arena.name() == "orders");
  BOOST_TEST(chained_arena().options().name.empty());
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(contents_are_equal_in_parent_and_child_after_fork_and_independent_then) {
  for (const bool virtual_blocks : {false, true}) {
    chained_arena_options options;
    options.virtual_blocks = virtual_blocks;
    chained_arena arena(options);
    auto* numbers = static_cast<int*>(arena.allocate(1000 * sizeof(int), alignof(int)));
    std::iota(numbers, numbers + 1000, 0);
    const pid_t child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
      bool good = true;
      for (int i = 0; i < 1000; ++i) good = good && numbers[i] == i;
      std::fill(numbers, numbers + 1000, -1);
      for (int i = 0; i < 10000; ++i) std::memset(arena.allocate(100), 1, 100);
      arena.clear();
      good = good && arena.check();
      ::_exit(good ? 0 : 1);
    }
    auto* more = static_cast<int*>(arena.allocate(sizeof(int), alignof(int)));
    *more = 7;
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_TEST(WIFEXITED(status));
    BOOST_TEST(WEXITSTATUS(status) == 0);
    for (int i = 0; i < 1000; ++i) BOOST_REQUIRE(numbers[i] == i);
    BOOST_TEST(*more == 7);
  }
}
#endif

/// Random requests against what an arena must give: aligned, apart, untouched by later ones, over several lives.
BOOST_AUTO_TEST_CASE(random_requests_over_several_lives_stay_apart_and_whole) {
  counting_resource upstream;
  std::mt19937 random(42);
  chained_arena_options options = over(upstream);
  options.first_block = 300;
  options.largest_block = 20000;
  alignas(16) std::array<std::byte, 777> buffer;
  chained_arena arena(buffer.data(), buffer.size(), options);
  for (int life = 0; life < 30; ++life) {
    std::vector<std::pair<unsigned char*, std::size_t>> blocks;
    for (int i = 0; i < 400; ++i) {
      const std::size_t bytes = random() % 10 == 0 ? random() % 30000 : random() % 200;
      const std::size_t alignment = std::size_t{1} << random() % 10;
      auto* p = static_cast<unsigned char*>(arena.allocate(bytes, alignment));
      BOOST_REQUIRE(is_aligned(p, alignment));
      std::memset(p, i & 0xff, bytes);
      blocks.emplace_back(p, bytes);
    }
    for (std::size_t i = 0; i < blocks.size(); ++i)
      for (std::size_t at = 0; at < blocks[i].second; ++at) BOOST_REQUIRE(blocks[i].first[at] == (i & 0xff));
    BOOST_TEST(arena.check());
    const memory_usage usage = arena.usage();
    BOOST_TEST(usage.reserved == upstream.live_bytes() + buffer.size());
    BOOST_TEST(usage.used + usage.wasted + arena.available() <= usage.reserved);
    if (random() % 3 == 0) {
      arena.release();
    } else {
      arena.clear();
    }
  }
}

BOOST_AUTO_TEST_CASE(a_checked_arena_prefers_another_block_to_one_without_a_fence) {
  chained_arena_options options;
  options.checked = true;
  options.first_block = 256;
  options.growth_percent = 100;
  for (std::size_t bytes = 1; bytes < 200; ++bytes) {
    chained_arena arena(options);
    for (int i = 0; i < 10; ++i) {
      auto* const block = static_cast<unsigned char*>(arena.allocate(bytes, 1));
      BOOST_TEST(arena.check());
      if (memory_tools::active()) continue;  // the tool would see the write itself
      const unsigned char before = block[bytes];
      block[bytes] = static_cast<unsigned char>(before + 1);
      BOOST_TEST(!arena.check(), "one byte behind a block of " << bytes);
      block[bytes] = before;
    }
  }
}

BOOST_AUTO_TEST_CASE(thousands_of_spare_blocks_are_given_back_in_one_go) {
  counting_resource upstream;
  chained_arena_options options;
  options.upstream = &upstream;
  options.largest_block = 4096;
  options.retained_bytes = 10000;
  chained_arena arena(options);
  for (int i = 0; i < 3000; ++i) arena.push(3500);
  arena.pop_to(0);
  BOOST_TEST(upstream.live_bytes() <= 10000u);
  for (int i = 0; i < 3000; ++i) arena.push(3500);
  arena.clear();
  BOOST_TEST(upstream.live_bytes() <= 10000u);
  BOOST_TEST(arena.check());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(chained_arenas_over_a_reserving_resource)

BOOST_AUTO_TEST_CASE(blocks_are_reserved_whole_and_committed_as_they_fill_and_a_full_one_is_followed_by_the_next) {
  reserving_resource memory;
  {
    chained_arena arena(reserved_from(memory, 8_MiB));
    BOOST_TEST(arena.upstream() == &memory);
    BOOST_TEST(arena.upstream_resource() == &memory);
    BOOST_TEST(memory.usage() == memory_usage{});
    (void)arena.allocate(16);
    BOOST_TEST(arena.usage().reserved == 8_MiB);
    BOOST_TEST(arena.usage().committed == 64_KiB);
    std::vector<unsigned char*> all;
    for (std::size_t i = 0; i < 20000; ++i) {
      all.push_back(static_cast<unsigned char*>(arena.allocate(1000)));
      std::memset(all.back(), static_cast<int>(i % 251), 1000);
      BOOST_REQUIRE(memory.usage().reserved == arena.usage().reserved);
      BOOST_REQUIRE(memory.usage().committed == arena.usage().committed);
    }
    BOOST_TEST(arena.usage().reserved == 24_MiB);
    BOOST_TEST(arena.usage().committed > 20000u * 1000u);
    for (std::size_t i = 0; i < all.size(); ++i)
      BOOST_REQUIRE((all[i][0] == i % 251 && std::memcmp(all[i], all[i] + 1, 999) == 0));
    BOOST_TEST(memory.usage().used == arena.usage().committed);
    std::size_t reservations = 0;
    memory.for_each_block([&](const block_info&) { ++reservations; });
    BOOST_TEST(reservations == 3u);
    BOOST_TEST(arena.check());
    BOOST_TEST(memory.check());
  }
  BOOST_TEST(memory.usage().used == 0u);
  BOOST_TEST(memory.check());
}

BOOST_AUTO_TEST_CASE(they_are_committed_as_the_upstreams_policy_says) {
  reserving_resource_options options;
  options.policy = commit_policy::fixed_step;
  options.fixed_step = 1_MiB;
  reserving_resource memory(options);
  chained_arena arena(reserved_from(memory, 8_MiB));
  (void)arena.allocate(16);
  BOOST_TEST(arena.usage().committed == 1_MiB);
  (void)arena.allocate(1_MiB);
  BOOST_TEST(arena.usage().committed == 2_MiB);
  BOOST_TEST(memory.usage().committed == 2_MiB);
}

BOOST_AUTO_TEST_CASE(a_huge_request_gets_a_reservation_of_its_own_and_the_current_one_goes_on) {
  reserving_resource memory;
  chained_arena arena(reserved_from(memory, 8_MiB));
  auto* before = static_cast<std::byte*>(arena.allocate(16));
  std::memset(arena.allocate(20_MiB), 1, 20_MiB);
  auto* after = static_cast<std::byte*>(arena.allocate(16));
  if (exact()) BOOST_TEST(after == before + 16);
  BOOST_TEST(memory.usage().reserved >= 28_MiB);
  BOOST_TEST(memory.usage().reserved < 29_MiB);
  BOOST_TEST(arena.check());
}

BOOST_AUTO_TEST_CASE(a_request_that_leaves_less_room_in_a_reservation_than_there_is_gets_one_of_its_size) {
  reserving_resource memory;
  chained_arena arena(reserved_from(memory, 8_MiB));
  auto* before = static_cast<std::byte*>(arena.allocate(3_MiB));
  std::memset(arena.allocate(6_MiB), 1, 6_MiB);  // of another 8 MiB less would be left than there is here
  BOOST_TEST(memory.usage().reserved > 14_MiB);
  BOOST_TEST(memory.usage().reserved < 15_MiB);
  auto* after = static_cast<std::byte*>(arena.allocate(16));
  if (exact()) BOOST_TEST(after == before + 3_MiB);
  BOOST_TEST(arena.check());
}

BOOST_AUTO_TEST_CASE(any_alignment_is_met_in_a_reservation) {
  reserving_resource memory;
  chained_arena arena(reserved_from(memory, 8_MiB));
  for (std::size_t alignment = 1; alignment <= 16_MiB; alignment *= 2) {
    void* p = arena.allocate(100, alignment);
    BOOST_TEST(is_aligned(p, alignment));
    std::memset(p, 1, 100);
  }
  BOOST_TEST(arena.check());
  BOOST_CHECK_EXCEPTION((void)arena.allocate(max), allocation_error, with_code(memory_errc::size_overflow));
  BOOST_CHECK_EXCEPTION((void)arena.allocate(test::two_to(60)), allocation_error,
                        with_code(test::narrow ? memory_errc::size_overflow : memory_errc::out_of_memory));
  const memory_usage usage = arena.usage();
  BOOST_CHECK_EXCEPTION((void)arena.allocate(1, test::two_to(40)), allocation_error,
                        with_code(memory_errc::invalid_alignment));
  BOOST_TEST(arena.usage() == usage);
}

BOOST_AUTO_TEST_CASE(the_newest_allocation_grows_past_what_is_committed_of_a_reservation) {
  reserving_resource memory;
  chained_arena arena(reserved_from(memory, 8_MiB));
  grow_past_what_is_committed(arena);
  BOOST_TEST(arena.check());
}

BOOST_AUTO_TEST_CASE(what_an_arena_gives_back_serves_the_next_without_the_system) {
  reserving_resource memory;
  const auto fill = [&] {
    chained_arena arena(reserved_from(memory, 4_MiB));
    for (int i = 0; i < 10000; ++i) std::memset(arena.allocate(1000), 1, 1000);
    BOOST_TEST(arena.check());
  };
  fill();
  const memory_usage kept = memory.usage();
  BOOST_TEST(kept.used == 0u);
  const os::failure_injection counted(0);
  fill();
  BOOST_TEST(counted.calls() == 0u);
  BOOST_TEST(memory.usage() == kept);
}

BOOST_AUTO_TEST_CASE(clear_keeps_its_reservations_and_trim_and_release_give_them_back) {
  reserving_resource memory;
  chained_arena arena(reserved_from(memory, 4_MiB));
  for (int i = 0; i < 10000; ++i) (void)arena.allocate(1000);
  const memory_usage full = memory.usage();
  arena.clear();
  BOOST_TEST(memory.usage() == full);
  {
    const os::failure_injection counted(0);
    for (int i = 0; i < 10000; ++i) (void)arena.allocate(1000);
    BOOST_TEST(counted.calls() == 0u);
  }
  BOOST_TEST(memory.usage() == full);
  arena.clear();
  (void)arena.allocate(16);
  const std::size_t held = arena.usage().committed;
  const std::size_t given = arena.trim();
  BOOST_TEST(given > 0u);
  BOOST_TEST(arena.usage().committed == held - given);
  BOOST_TEST(memory.usage().used == held - given);
  arena.release();
  BOOST_TEST((arena.usage() == memory_usage{}));
  BOOST_TEST(memory.usage().used == 0u);
  (void)arena.allocate(16);
  BOOST_TEST(arena.usage().reserved == 4_MiB);
  BOOST_TEST(arena.check());
}

BOOST_AUTO_TEST_CASE(going_back_across_reservations_keeps_what_was_before) {
  reserving_resource memory;
  chained_arena arena(reserved_from(memory, 1_MiB));
  auto* first = static_cast<std::byte*>(arena.push(1000));
  std::memset(first, 7, 1000);
  const arena_mark mark = arena.mark();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 50; ++i) std::memset(arena.push(100_KiB), 1, 100_KiB);
    arena.rewind(mark);
    BOOST_TEST(arena.position() == 1000u);
    BOOST_TEST(std::memcmp(first, first + 1, 999) == 0);
    BOOST_TEST(arena.check());
  }
}

BOOST_AUTO_TEST_CASE(the_limit_counts_committed_bytes_of_reservations) {
  for (const std::size_t limit : {std::size_t{1_MiB}, std::size_t{700_KiB + 100}}) {
    reserving_resource memory;
    chained_arena_options options = reserved_from(memory, 64_MiB);
    options.limit = limit;
    chained_arena arena(options);
    std::size_t served = 0;
    while (arena.try_allocate(1000) != nullptr) {
      served += 1000;
      BOOST_REQUIRE(arena.usage().committed <= limit);
    }
    if (exact()) BOOST_TEST(served > limit - 20_KiB - test::system_page_size());
    BOOST_TEST(memory.usage().committed == arena.usage().committed);
    const memory_usage usage = arena.usage();
    BOOST_CHECK_EXCEPTION((void)arena.allocate(1000), allocation_error, [&](const allocation_error& error) {
      return error.code() == memory_errc::limit_reached && error.limit() == limit;
    });
    BOOST_TEST(arena.usage() == usage);
    BOOST_TEST(arena.check());
  }
}

BOOST_AUTO_TEST_CASE(memory_that_comes_with_a_used_reservation_counts_against_the_limit) {
  reserving_resource memory(by_the_page());
  {
    reservation used = memory.reserve(4_MiB);
    used.commit(2_MiB);
    std::memset(used.data(), 7, 2_MiB);
  }
  BOOST_TEST(memory.available() == 2_MiB);
  chained_arena_options options = reserved_from(memory, 4_MiB);
  options.limit = 1_MiB;
  chained_arena arena(options);
  (void)arena.allocate(1000);
  BOOST_TEST(arena.usage().reserved == 4_MiB);
  BOOST_TEST(arena.usage().committed <= 1_MiB);
  BOOST_TEST(memory.usage().used == arena.usage().committed);
  BOOST_TEST(arena.check());

  chained_arena_options tiny = reserved_from(memory, 4_MiB);
  tiny.limit = 1000;
  chained_arena none(tiny);
  const std::size_t in_use = memory.usage().used;
  BOOST_CHECK_EXCEPTION((void)none.allocate(1), allocation_error, with_code(memory_errc::limit_reached));
  BOOST_TEST((none.usage() == memory_usage{}));
  BOOST_TEST(memory.usage().used == in_use);
  BOOST_TEST(none.check());
}

BOOST_AUTO_TEST_CASE(what_a_used_reservation_comes_with_is_no_reason_to_refuse_what_the_limit_allows) {
  for (const bool huge_pages : {false, true}) {
    reserving_resource_options upstream;
    upstream.huge_pages = huge_pages;
    reserving_resource memory(upstream);
    {
      reservation used = memory.reserve(16_MiB);
      used.commit(16_MiB);
    }
    BOOST_TEST(memory.available() == 16_MiB);
    chained_arena_options options = reserved_from(memory, 16_MiB);
    options.limit = 3_MiB;
    chained_arena arena(options);
    std::memset(arena.allocate(2_MiB + 500_KiB), 1, 2_MiB + 500_KiB);
    BOOST_TEST(arena.usage().committed <= 3_MiB);
    BOOST_TEST(arena.check());
  }
}

BOOST_AUTO_TEST_CASE(zeroed_memory_is_zero_in_a_reservation_that_was_used_before) {
  reserving_resource memory;
  {
    reservation used = memory.reserve(4_MiB);
    used.commit(2_MiB);
    std::memset(used.data(), 7, 2_MiB);
  }
  chained_arena arena(reserved_from(memory, 4_MiB));
  auto* p = static_cast<std::byte*>(arena.push_zeroed(3_MiB));
  BOOST_TEST((*p == std::byte{0} && std::memcmp(p, p + 1, 3_MiB - 1) == 0));
  BOOST_TEST(arena.usage().reserved == 4_MiB);
}

BOOST_AUTO_TEST_CASE(an_empty_arena_keeps_only_as_much_memory_of_a_reservation_as_it_may) {
  reserving_resource memory(by_the_page());
  chained_arena_options options = reserved_from(memory, 16_MiB);
  options.retained_bytes = 1_MiB;
  chained_arena arena(options);
  for (int round = 0; round < 3; ++round) {
    std::memset(arena.push(8_MiB), 1, 8_MiB);
    BOOST_TEST(arena.usage().committed > 8_MiB);
    arena.pop_to(0);
    BOOST_TEST(arena.usage().reserved == 16_MiB);
    BOOST_TEST(arena.usage().committed == 1_MiB);
    BOOST_TEST(memory.usage().committed == 1_MiB);
    BOOST_TEST(memory.usage().used == 1_MiB);
    BOOST_TEST(arena.check());
  }
}

BOOST_AUTO_TEST_CASE(an_empty_arena_keeps_no_more_than_it_may_of_huge_pages_either) {
  reserving_resource memory;
  chained_arena_options options = reserved_from(memory, 16_MiB);
  options.retained_bytes = 3_MiB;
  chained_arena arena(options);
  (void)arena.push(8_MiB);
  arena.pop_to(0);
  BOOST_TEST(arena.usage().committed <= 3_MiB);
  BOOST_TEST(arena.usage().committed >= 2_MiB);
  BOOST_TEST(memory.usage().used == arena.usage().committed);
  BOOST_TEST(arena.check());
}

BOOST_AUTO_TEST_CASE(a_refused_reservation_is_halved_down_to_what_the_request_needs) {
  if (test::narrow) return test::skip(test::of_64_bits);
  if (test::reservations_take_memory()) return test::skip(test::takes_gigabytes);
  reserving_resource memory;
  {
    chained_arena arena(reserved_from(memory, test::two_to(60)));  // no system has that
    std::memset(arena.allocate(100), 1, 100);
    BOOST_TEST(arena.usage().reserved > 0u);
    BOOST_TEST(arena.usage().reserved < (test::two_to(60)));
    BOOST_TEST(arena.check());
  }
  chained_arena tight(reserved_from(memory, 0));
  std::memset(tight.allocate(5000), 1, 5000);
  BOOST_TEST(tight.usage().reserved == align_up(std::size_t{5100}, test::system_page_size()));
}

BOOST_AUTO_TEST_CASE(a_default_resource_that_reserves_is_an_upstream_like_any_other) {
  reserving_resource memory;
  const testing::default_resource_guard guard(memory);
  chained_arena arena;
  (void)arena.allocate(100);
  BOOST_TEST(arena.upstream() == &memory);
  BOOST_TEST(memory.usage().reserved == chained_arena_options{}.reserve);
  BOOST_TEST(memory.usage().committed == 64_KiB);
}

BOOST_AUTO_TEST_CASE(virtual_blocks_come_from_the_system_whatever_the_upstream) {
  reserving_resource memory;
  chained_arena_options options = reserved_from(memory, 8_MiB);
  options.virtual_blocks = true;
  {
    chained_arena arena(options);
    (void)arena.allocate(100);
    BOOST_TEST(arena.usage().reserved == 8_MiB);
    arena.clear();
    arena.release();
    (void)arena.allocate(100);
  }
  BOOST_TEST(memory.usage() == memory_usage{});
}

BOOST_AUTO_TEST_CASE(a_callers_buffer_is_used_before_anything_is_reserved) {
  reserving_resource memory;
  alignas(16) std::array<std::byte, 256> buffer;
  chained_arena arena(buffer.data(), buffer.size(), &memory);
  for (int i = 0; i < 16; ++i) (void)arena.allocate(16, 16);
  BOOST_TEST(memory.usage() == memory_usage{});
  (void)arena.allocate(16, 16);
  BOOST_TEST(memory.usage().reserved == 64_MiB);
  arena.release();
  BOOST_TEST(memory.usage().used == 0u);
  (void)arena.allocate(256, 16);
  BOOST_TEST(memory.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(every_failure_of_the_system_leaves_arena_and_upstream_as_they_were) {
  std::size_t thrown = 0;
  for (const auto rule : {os::failure_injection::rule::once, os::failure_injection::rule::from_then_on}) {
    for (const os::os_call which :
         {os::os_call::map, os::os_call::unmap, os::os_call::protect, os::os_call::advise, os::os_call::any}) {
      bool fired = true;
      for (std::size_t nth = 1; fired; ++nth) {
        reserving_resource_options upstream = by_the_page();
        upstream.cached_ranges = 0;
        reserving_resource memory(upstream);
        chained_arena arena(reserved_from(memory, 256_KiB));
        std::optional<os::failure_injection> injection(std::in_place, nth, which, rule);
        fired = false;
        for (std::size_t i = 0; i < 100; ++i) {
          const memory_usage before = arena.usage();
          const memory_usage below = memory.usage();
          try {
            std::memset(arena.allocate(10000), 0x5a, 10000);
          } catch (const allocation_error& error) {
            ++thrown;
            BOOST_REQUIRE(injection.has_value());
            fired = fired || injection->fired();
            injection.reset();
            BOOST_TEST(arena.usage() == before);
            BOOST_TEST(memory.usage() == below);
            BOOST_TEST((error.code() == memory_errc::out_of_memory));
            BOOST_TEST(error.bytes() == 10000u);
            std::memset(arena.allocate(10000), 0x5a, 10000);
          }
          if (i == 50) arena.clear();
          if (injection) fired = fired || injection->fired();
        }
        injection.reset();
        BOOST_TEST(arena.check());
        BOOST_TEST(memory.check());
        BOOST_TEST(memory.usage().used == arena.usage().committed);
        arena.release();
        BOOST_TEST(memory.usage().reserved == 0u);
        BOOST_TEST(memory.usage().committed == 0u);
      }
    }
  }
  BOOST_TEST(thrown > 10u);
}

BOOST_AUTO_TEST_CASE(threads_have_arenas_over_one_upstream) {
  reserving_resource memory;
  std::atomic<bool> good{true};
  const test::misuse_watch watch;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      for (int life = 0; life < 5; ++life) {
        chained_arena arena(reserved_from(memory, 256_KiB));
        std::vector<unsigned char*> all;
        for (int i = 0; i < 200; ++i) {
          all.push_back(static_cast<unsigned char*>(arena.allocate(5000)));
          std::memset(all.back(), static_cast<int>(t + 1), 5000);
        }
        for (const unsigned char* p : all)
          if (*p != t + 1 || std::memcmp(p, p + 1, 4999) != 0) good = false;
        if (!arena.check()) good = false;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(good);
  BOOST_TEST(watch.nothing());
  BOOST_TEST(memory.usage().used == 0u);
  BOOST_TEST(memory.check());
}

BOOST_AUTO_TEST_SUITE_END()
