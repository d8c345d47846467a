#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scope.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <allot/testing/failing_resource.hpp>
#include <allot/testing/trap_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <type_traits>
#include <vector>

#include "arena/arena_kinds.hpp"
#include "support/access.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"
#include "support/neighbour.hpp"

using namespace allot;
using namespace allot::literals;
using test::all_are;
using test::arena_kind;
using test::arena_room;
using test::fill;
using test::misuse_watch;
using test::monotonic_options;
using test::neighbour;
using testing::counting_resource;

namespace {

const std::size_t page = test::system_page_size();

/// The code a call fails with; success when it does not.
template <class Call>
memory_errc code_of(Call call) {
  try {
    call();
  } catch (const allocation_error& error) {
    return error.code();
  }
  return memory_errc::success;
}

bool refuses(monotonic_arena& memory) {
  (void)memory.try_allocate(0, test::two_to(62));  // fails, and sees whether the block below is still there
  const std::size_t before = memory.position();
  return code_of([&] { (void)memory.push(1); }) != memory_errc::success &&
         code_of([&] { (void)memory.push_zeroed(1, 1); }) != memory_errc::success &&
         code_of([&] { (void)memory.allocate(1); }) != memory_errc::success &&
         code_of([&] { (void)memory.carve(1); }) != memory_errc::success && memory.try_allocate(0) == nullptr &&
         memory.position() == before;
}

/// No memory, and none to come.
bool is_dead(monotonic_arena& memory) {
  return memory.dead() && memory.data() == nullptr && memory.size() == 0 && memory.position() == 0 &&
         memory.available() == 0 && refuses(memory) && memory.check() && memory.usage().used == 0;
}

static_assert(!std::is_copy_constructible_v<monotonic_arena> && !std::is_copy_assignable_v<monotonic_arena>);
static_assert(std::is_nothrow_move_constructible_v<monotonic_arena> && !std::is_move_assignable_v<monotonic_arena>);
static_assert(std::is_default_constructible_v<monotonic_arena>);

}  // namespace

BOOST_AUTO_TEST_SUITE(monotonic_arenas)

// ---- where the memory comes from

BOOST_AUTO_TEST_CASE(construction_asks_nobody_and_the_first_push_gets_the_memory) {
  counting_resource upstream;
  testing::trap_resource trap;
  const testing::default_resource_guard guard(trap);
  const std::size_t maps = test::map_count();
  const os::failure_injection calls(0);
  monotonic_arena by_default;
  monotonic_arena sized(100);
  monotonic_arena above(1000, &upstream);
  BOOST_TEST(calls.calls() == 0u);
  BOOST_TEST(test::map_count() <= maps);
  BOOST_TEST(upstream.allocations() == 0u);
  for (const monotonic_arena* memory : {&by_default, &sized, &above}) {
    BOOST_TEST(memory->data() == nullptr);
    BOOST_TEST(!memory->dead());
    BOOST_TEST(memory->usage().reserved == 0u);
  }
  BOOST_TEST(by_default.size() == (test::narrow ? 64_MiB : 1_GiB));
  BOOST_TEST(sized.size() == page);
  BOOST_TEST(above.size() == 1000u);
  (void)sized.push(1);
  BOOST_TEST(sized.usage().reserved == page);
  (void)above.push(1);
  BOOST_TEST((upstream.calls() == std::vector<counting_resource::call>{
                                      {counting_resource::call::kind::allocate, 1000, alignof(std::max_align_t)}}));
  BOOST_TEST(trap.uses() == 0u);
}

BOOST_AUTO_TEST_CASE(an_upstream_gives_one_block_of_exactly_the_size_and_gets_it_back) {
  counting_resource upstream;
  {
    monotonic_arena memory(1001, &upstream);
    BOOST_TEST(memory.upstream() == &upstream);
    BOOST_TEST(memory.root() == &memory);
    fill(memory.push(1001, 1), 1001, 1);
    BOOST_TEST(refuses(memory));
    memory.clear();
    BOOST_TEST(upstream.live_bytes() == 1001u);
    memory.release();
    memory.release();
    BOOST_TEST(upstream.live_blocks() == 0u);
    BOOST_TEST(!memory.dead());
    (void)memory.push(10);
    monotonic_arena unused(10, &upstream);
    BOOST_TEST(upstream.live_bytes() == 1001u);
  }
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(upstream.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(an_upstream_that_refuses_the_default_size_is_asked_for_less_down_to_the_request) {
  counting_resource small(std::pmr::new_delete_resource(), 3000);
  monotonic_arena_options options;
  options.upstream = &small;
  monotonic_arena memory(options);
  BOOST_TEST(memory.size() == 64_KiB);
  fill(memory.push(2000), 2000, 1);
  BOOST_TEST(memory.size() >= 2000u);
  BOOST_TEST(memory.size() <= 3000u);
  BOOST_TEST(small.live_bytes() == memory.size());

  monotonic_arena large(options);
  fill(large.push(2999, 1), 2999, 1);
  monotonic_arena too_large(options);
  BOOST_CHECK_THROW((void)too_large.push(3001), std::bad_alloc);
  BOOST_TEST(!too_large.dead());
  (void)too_large.push(10);

  options.size = 4000;  // stated: all or nothing
  monotonic_arena stated(options);
  BOOST_CHECK_THROW((void)stated.push(10), std::bad_alloc);
  BOOST_TEST(stated.data() == nullptr);
}

BOOST_AUTO_TEST_CASE(an_upstreams_failure_passes_through_and_leaves_the_arena_as_it_was) {
  counting_resource bottom;
  testing::failing_resource upstream(&bottom);
  const std::size_t failures = testing::for_each_failure(upstream, [&] {
    monotonic_arena memory(1000, &upstream);
    for (int life = 0; life < 2; ++life) {
      for (const bool carve : {false, true}) {
        const memory_usage usage = memory.usage();
        try {
          carve ? (void)memory.carve(100) : (void)memory.push(100);
        } catch (const testing::injected_failure&) {
          BOOST_TEST((memory.usage() == usage));
          BOOST_TEST(memory.check());
          BOOST_TEST(memory.data() == nullptr);
          BOOST_TEST(bottom.live_blocks() == 0u);
          (void)memory.push(100);
        }
      }
      memory.release();
    }
  });
  BOOST_TEST(failures == 2u);
  BOOST_TEST(bottom.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(a_refused_default_reservation_is_halved_down_to_what_is_needed) {
  // of map, the reservation is the first
  const os::failure_injection injection(1, os::os_call::map);
  monotonic_arena memory;
  fill(memory.push(100), 100, 1);
  BOOST_TEST(injection.fired());
  const std::size_t half = test::narrow ? 32_MiB : 512_MiB;
  BOOST_TEST(memory.size() == half);
  BOOST_TEST(memory.available() == half - 100);
}

BOOST_AUTO_TEST_CASE(a_callers_buffer_is_used_to_its_last_byte_and_never_freed) {
  std::array<unsigned char, 100> buffer{};
  for (const bool checked : {false, true}) {
    {
      monotonic_arena memory(buffer.data() + 1, 97, monotonic_options(checked));
      BOOST_TEST(memory.data() == reinterpret_cast<std::byte*>(buffer.data() + 1));
      BOOST_TEST(memory.size() == 97u);
      BOOST_TEST(memory.upstream() == nullptr);
      BOOST_TEST(memory.root() == &memory);
      fill(memory.push(97, 1), 97, 1);
      BOOST_TEST(refuses(memory));
      memory.release();
      BOOST_TEST(memory.data() == reinterpret_cast<std::byte*>(buffer.data() + 1));
      fill(memory.push_zeroed(90, 1), 90, 2);
    }
    BOOST_TEST(buffer[0] == 0);
    BOOST_TEST(all_are(buffer.data() + 1, 90, 2));
    buffer.fill(0);
  }
  monotonic_arena nothing(nullptr, 100);
  BOOST_TEST(refuses(nothing));
  BOOST_TEST(nothing.size() == 0u);
  monotonic_arena empty(buffer.data(), 0);
  BOOST_TEST(refuses(empty));
}

BOOST_AUTO_TEST_CASE(an_owned_block_of_pages_goes_with_the_arena) {
  const std::size_t maps = test::map_count();
  {
    page_block block(3 * page);
    void* const data = block.data();
    monotonic_arena memory(std::move(block));
    BOOST_TEST(memory.data() == data);
    BOOST_TEST(memory.size() == 3 * page);
    fill(memory.push(3 * page), 3 * page, 1);
    BOOST_TEST(refuses(memory));
    memory.release();
    BOOST_TEST(memory.data() == data);
    BOOST_TEST(all_are(memory.push(3 * page), 3 * page, 0));  // reads zero again
  }
  if (!test::under_thread_sanitizer()) BOOST_TEST(test::map_count() <= maps + 1);
  monotonic_arena nothing{page_block()};
  BOOST_TEST(refuses(nothing));
}

BOOST_AUTO_TEST_CASE(an_arena_whose_block_was_resized_released_or_moved_is_dead) {
  using change = void (*)(std::optional<page_block>&);
  const std::vector<std::pair<const char*, change>> changes{
      {"grown", [](auto& block) { block->resize(64 * page); }},
      {"shrunk", [](auto& block) { block->resize(page); }},
      {"released", [](auto& block) { block->release(); }},
      {"moved", [](auto& block) { const page_block elsewhere(std::move(*block)); }},
      {"assigned", [](auto& block) { *block = page_block(4 * page); }},
  };
  using look = bool (*)(monotonic_arena&);
  const std::vector<std::pair<const char*, look>> looks{
      {"dead()", [](monotonic_arena& memory) { return memory.dead(); }},
      {"data()", [](monotonic_arena& memory) { return memory.data() == nullptr && memory.size() == 0; }},
      {"push", [](monotonic_arena& memory) { return refuses(memory); }},
      {"check()", [](monotonic_arena& memory) { return memory.check(); }},
      {"find_block", [](monotonic_arena& memory) { return memory.find_block(&memory).begin == nullptr; }},
      {"usage", [](monotonic_arena& memory) { return memory.usage().committed == 0; }},
      {"clear", [](monotonic_arena& memory) { return memory.clear(), is_dead(memory); }},
      {"pop_to", [](monotonic_arena& memory) { return memory.pop_to(0), is_dead(memory); }},
      {"trim", [](monotonic_arena& memory) { return memory.trim() == 0; }},
      {"release", [](monotonic_arena& memory) { return memory.release(), is_dead(memory); }},
      {"try_expand", [](monotonic_arena& memory) { return !memory.try_expand(&memory, 1, 2, 1); }},
  };
  for (const bool checked : {false, true}) {
    for (const auto& [changed, change_it] : changes) {
      for (const auto& [looked, is_seen_by] : looks) {
        std::optional<page_block> block(std::in_place, 4 * page);
        const misuse_watch watch;
        monotonic_arena memory(*block, monotonic_options(checked));
        BOOST_TEST(memory.data() == block->data());
        void* const p = memory.allocate(100);
        const arena_mark mark = memory.mark();
        (void)memory.push(100);
        {
          const scope inside(memory);
          (void)memory.push(10);
          BOOST_TEST(!memory.dead());
          change_it(block);
          BOOST_TEST(is_seen_by(memory), looked << " of an arena whose block was " << changed);
          BOOST_TEST(watch.nothing());
          BOOST_TEST(!memory.try_rewind(mark));
          memory.rewind(mark);
          BOOST_TEST(watch.only(misuse_kind::stale_mark));
        }
        watch.forget();  // the scope may report
        BOOST_TEST(is_dead(memory), looked << " of an arena whose block was " << changed);
        memory.deallocate(p, 100);
        if (!block->empty()) fill(block->data(), block->size(), 1);  // it is the caller's again, all of it
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_viewed_block_that_stays_serves_all_of_it) {
  page_block block(4 * page);
  {
    monotonic_arena memory(block);
    fill(memory.push(4 * page), 4 * page, 1);
    block.resize(4 * page);  // the same size is no change
    BOOST_TEST(!memory.dead());
    memory.clear();
    BOOST_TEST(all_are(memory.push_zeroed(page), page, 0));
    memory.release();
    BOOST_TEST(memory.size() == 4 * page);
  }
  fill(block.data(), block.size(), 2);
}

// ---- own reservations

BOOST_AUTO_TEST_CASE(sizes_and_commits_of_a_reservation_are_multiples_of_the_page_size) {
  for (const std::size_t asked : {std::size_t{0}, std::size_t{1}, page, std::size_t{5000}, std::size_t{12_KiB},
                                  std::size_t{64_KiB}, std::size_t{2_MiB}}) {
    for (const std::size_t size : {std::size_t{1}, page, std::size_t{100'000}, std::size_t{3_MiB} + 1}) {
      monotonic_arena_options options;
      options.size = size;
      options.page_size = asked;
      monotonic_arena memory(options);
      const std::size_t unit = asked == 0 ? page : (asked + page - 1) / page * page;
      const std::size_t expected = (size + unit - 1) / unit * unit;
      BOOST_TEST(memory.page_size() == unit);
      BOOST_TEST(memory.size() == expected);
      while (memory.available() != 0) {
        const std::size_t bytes = std::min<std::size_t>(memory.available(), 30'000);
        fill(memory.push(bytes, 1), bytes, 1);
        const memory_usage usage = memory.usage();
        BOOST_REQUIRE(usage.reserved == expected);
        BOOST_REQUIRE(usage.committed % unit == 0);
        BOOST_REQUIRE(usage.committed >= usage.used);
        BOOST_REQUIRE(usage.committed <= expected);
        BOOST_REQUIRE(memory.check());
      }
      BOOST_TEST(memory.size() == expected);
      if (is_power_of_two(unit)) BOOST_TEST(is_aligned(memory.data(), unit));
    }
  }
}

BOOST_AUTO_TEST_CASE(pages_beyond_what_is_retained_go_back_and_read_zero_again) {
  monotonic_arena memory(8_MiB);
  auto* const p = static_cast<std::byte*>(memory.push(4_MiB));
  fill(p, 4_MiB, 1);
  const std::size_t before = memory.usage().committed;
  memory.clear();
  BOOST_TEST(memory.usage().committed == before);  // keeps the memory
  memory.clear(page + 1);
  BOOST_TEST(memory.usage().committed == 2 * page);
  BOOST_TEST(memory.usage().reserved == 8_MiB);
  if (!memory_tools::active()) BOOST_TEST(test::readable(p + page));  // a tool would complain
  BOOST_TEST(!test::readable(p + 2 * page));
  BOOST_TEST(memory.push(4_MiB) == p);
  BOOST_TEST(all_are(p + 2 * page, 4_MiB - 2 * page, 0));
  memory.clear(0);
  BOOST_TEST(memory.usage().committed == 0u);
  BOOST_TEST(memory.check());
  memory.clear(100_MiB);
  (void)memory.push(1_MiB);
  const std::size_t given = memory.usage().committed - 1_MiB;
  memory.pop(1_MiB - 10);
  BOOST_TEST(memory.trim() == given + 1_MiB - page);
  BOOST_TEST(memory.usage().committed == page);
  BOOST_TEST(memory.trim() == 0u);
  memory.release();
  BOOST_TEST(memory.data() == nullptr);
  BOOST_TEST((memory.usage() == memory_usage{}));
  BOOST_TEST(memory.size() == 8_MiB);
  (void)memory.push(1);
}

BOOST_AUTO_TEST_CASE(a_large_zeroed_push_on_fresh_memory_touches_none) {
  if (test::emulates_large_pages()) return test::skip(test::counts_small_pages);
  if (memory_tools::active() || test::under_thread_sanitizer())
    return test::skip("the tool keeps books of its own about the memory");
  monotonic_arena memory(512_MiB);
  (void)memory.push(1);
  const std::size_t before = test::resident();
  auto* const p = static_cast<unsigned char*>(memory.push_zeroed(256_MiB));
  BOOST_TEST(test::resident() < before + 4_MiB);
  BOOST_TEST(p[0] == 0);
  BOOST_TEST(p[256_MiB - 1] == 0);
  // Only what was used before is cleared.
  monotonic_arena used(512_MiB);
  fill(used.push(1_MiB), 1_MiB, 1);
  used.clear();
  auto* const again = static_cast<unsigned char*>(used.push_zeroed(256_MiB));
  BOOST_TEST(test::resident() < before + 8_MiB);
  BOOST_TEST(all_are(again, 2_MiB, 0));
  // And what went back to the system is fresh.
  used.clear(0);
  (void)used.push_zeroed(256_MiB);
  BOOST_TEST(test::resident() < before + 8_MiB);
}

BOOST_AUTO_TEST_CASE(a_reservation_grows_in_place_or_moves_with_its_contents) {
  for (const bool checked : {false, true}) {
    for (const bool in_the_way : {false, true}) {
      for (const bool huge_pages : {false, true}) {
        monotonic_arena_options options = monotonic_options(checked, 1_MiB);
        options.huge_pages = huge_pages;
        monotonic_arena memory(options);
        BOOST_TEST(!memory.resize(512_KiB));  // nothing there yet
        BOOST_TEST(memory.size() == 512_KiB);
        BOOST_TEST(memory.data() == nullptr);
        auto* p = static_cast<std::byte*>(memory.push(500_KiB, 1));
        fill(p, 500_KiB, 7);
        const arena_mark mark = memory.mark();
        const misuse_watch watch;
        std::optional<neighbour> there;
        if (in_the_way) there.emplace(memory.data() + memory.size() + page);
        const std::byte* const old = memory.data();
        const bool moved = memory.resize(3_MiB);
        BOOST_TEST(moved == (memory.data() != old));
        if (in_the_way) BOOST_TEST(moved);
        BOOST_TEST(memory.size() == 3_MiB);
        BOOST_TEST(memory.position() == 500_KiB);
        BOOST_TEST(all_are(memory.data(), 500_KiB, 7));
        BOOST_TEST(memory.try_rewind(mark) == !moved);
        BOOST_TEST(memory.check());
        void* const more = memory.push_zeroed(2_MiB, 1);
        BOOST_TEST(more == memory.data() + 500_KiB);
        BOOST_TEST(all_are(more, 2_MiB, 0));
        fill(more, 2_MiB, 8);

        BOOST_TEST((code_of([&] { (void)memory.resize(2_MiB); }) == memory_errc::invalid_size));
        BOOST_TEST((code_of([&] { (void)memory.resize(0); }) == memory_errc::invalid_size));
        BOOST_TEST((code_of([&] { (void)memory.resize(std::numeric_limits<std::size_t>::max()); }) ==
                    memory_errc::size_overflow));
        BOOST_TEST(memory.size() == 3_MiB);
        memory.pop_to(200_KiB);
        const arena_mark low = memory.mark();
        BOOST_TEST(!memory.resize(200_KiB));  // shrinks in place
        BOOST_TEST(memory.size() == (200_KiB + page - 1) / page * page);
        BOOST_TEST(all_are(memory.data(), 200_KiB, 7));
        BOOST_TEST(memory.try_rewind(low));
        BOOST_TEST(memory.check());
        there.reset();
        (void)memory.resize(1_MiB);
        void* const again = memory.push_zeroed(800_KiB, 1);
        BOOST_TEST(all_are(again, 800_KiB, 0));
        BOOST_TEST(memory.check());
        memory.release();
        BOOST_TEST(memory.check());
        BOOST_TEST(watch.nothing());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_reservation_never_moves_under_a_living_slice) {
  monotonic_arena memory(1_MiB);
  std::optional<monotonic_arena> slice(memory.carve(1000));
  fill(slice->push(1000), 1000, 5);
  const neighbour there(memory.data() + memory.size() + page);
  const std::byte* const data = memory.data();
  BOOST_TEST((code_of([&] { (void)memory.resize(64_MiB); }) == memory_errc::address_in_use));
  BOOST_TEST(memory.data() == data);
  BOOST_TEST(memory.size() == 1_MiB);
  BOOST_TEST(memory.check());
  BOOST_TEST(!memory.resize(64_KiB));  // in place it can
  BOOST_TEST(memory.data() == data);
  BOOST_TEST(all_are(slice->data(), 1000, 5));
  slice.reset();
  (void)memory.resize(64_MiB);
  BOOST_TEST(memory.size() == 64_MiB);
}

BOOST_AUTO_TEST_CASE(memory_that_is_not_the_arenas_own_cannot_be_resized) {
  test::for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    if (kind.reserves) return;
    const auto memory = kind.make_monotonic();
    BOOST_TEST((code_of([&] { (void)memory->resize(100); }) == memory_errc::not_supported));
    (void)memory->push(10);
    BOOST_TEST((code_of([&] { (void)memory->resize(2 * arena_room); }) == memory_errc::not_supported));
    BOOST_TEST(memory->size() == arena_room);
    BOOST_TEST(memory->trim() == 0u);
    memory->clear(0);
    BOOST_TEST(memory->position() == 0u);
    BOOST_TEST(memory->usage().committed == arena_room);
  });
}

BOOST_AUTO_TEST_CASE(blocks_of_a_checked_arena_that_moved_can_still_be_freed) {
  monotonic_arena memory(monotonic_options(true, 1_MiB));
  (void)memory.allocate(100);
  const neighbour there(memory.data() + memory.size() + page);
  const misuse_watch watch;
  BOOST_TEST(memory.resize(2_MiB));
  memory.deallocate(memory.data(), 100);
  void* const p = memory.allocate(50);
  memory.deallocate(p, 50);
  BOOST_TEST(memory.check());
  memory.clear();
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(every_failure_of_the_system_leaves_an_own_reservation_as_it_was) {
  using step = std::function<void(monotonic_arena&)>;
  const std::vector<step> steps{
      [](monotonic_arena& memory) { fill(memory.push(1000), 1000, 1); },
      [](monotonic_arena& memory) { fill(memory.push(300_KiB), 300_KiB, 2); },
      [](monotonic_arena& memory) { fill(memory.allocate(300_KiB), 300_KiB, 3); },
      [](monotonic_arena& memory) { (void)memory.resize(8_MiB); },  // in place, or not
      [](monotonic_arena& memory) { fill(memory.push_zeroed(3_MiB), 3_MiB, 4); },
      [](monotonic_arena& memory) { memory.pop(3_MiB); },
      [](monotonic_arena& memory) { (void)memory.resize(memory.position()); },
      [](monotonic_arena& memory) { (void)memory.resize(6_MiB); },
      [](monotonic_arena& memory) {
        const std::size_t before = memory.position();
        if (!all_are(memory.push_zeroed(4_MiB, 1), 4_MiB, 0)) BOOST_ERROR("not zero");
        memory.pop_to(before);
      },
      [](monotonic_arena& memory) { memory.clear(100_KiB); },
      [](monotonic_arena& memory) {
        if (!all_are(memory.push_zeroed(4_MiB), 4_MiB, 0)) BOOST_ERROR("not zero");
      },
      [](monotonic_arena& memory) { (void)memory.trim(); },
      [](monotonic_arena& memory) { memory.release(); },
      [](monotonic_arena& memory) { fill(memory.push(10), 10, 1); },
  };
  std::size_t thrown = 0;
  for (const bool in_the_way : {false, true}) {
    for (const auto rule : {os::failure_injection::rule::once, os::failure_injection::rule::from_then_on}) {
      bool fired = true;
      for (std::size_t nth = 1; fired; ++nth) {
        monotonic_arena memory(monotonic_options(false, 2_MiB));
        std::optional<os::failure_injection> injection(std::in_place, nth, os::os_call::any, rule);
        fired = false;
        for (std::size_t i = 0; i < steps.size(); ++i) {
          const memory_usage usage = memory.usage();
          const std::size_t size = memory.size();
          const std::byte* const data = memory.data();
          std::optional<neighbour> there;
          if (in_the_way && data != nullptr) there.emplace(data + size + page);
          try {
            steps[i](memory);
          } catch (const allocation_error& error) {
            ++thrown;
            BOOST_TEST(injection.has_value());
            BOOST_TEST((error.code() == memory_errc::out_of_memory || error.code() == memory_errc::map_limit ||
                        error.code() == memory_errc::address_in_use),
                       "step " << i << ": " << error.what());
            fired = fired || injection->fired();
            injection.reset();
            BOOST_TEST((memory.usage() == usage), "step " << i);
            BOOST_TEST(memory.size() == size);
            BOOST_TEST(memory.data() == data);
            if (memory.position() >= 1000) BOOST_TEST(all_are(memory.data(), 1000, 1));
            steps[i](memory);
          }
          BOOST_TEST(memory.check(), "after step " << i << ", call " << nth);
        }
        if (injection) fired = injection->fired();
      }
    }
  }
  BOOST_TEST(thrown > 10u);
}

BOOST_AUTO_TEST_CASE(a_page_behind_a_reservation_faults_before_and_after_resizing) {
  monotonic_arena memory(64_KiB);
  (void)memory.push(64_KiB);
  BOOST_TEST(test::readable(memory.data() + 64_KiB - 1));
  BOOST_TEST(!test::readable(memory.data() + 64_KiB));
  memory.pop(60_KiB);
  (void)memory.resize(8_KiB);
  BOOST_TEST(!test::readable(memory.data() + memory.size()));
  (void)memory.resize(256_KiB);
  (void)memory.push(200_KiB);
  BOOST_TEST(!test::readable(memory.data() + 256_KiB));
}

// ---- moving

BOOST_AUTO_TEST_CASE(a_moved_arena_takes_everything_along_and_leaves_a_dead_one) {
  test::for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    for (const bool used : {false, true}) {
      const auto from = kind.make_monotonic();
      if (kind.name.rfind("local", 0) == 0) return;
      const misuse_watch watch;
      void* p = nullptr;
      if (used) {
        p = from->allocate(100);
        fill(p, 100, 3);
      }
      const arena_mark mark = from->mark();
      const std::byte* const data = from->data();
      const std::size_t position = from->position();
      const memory_usage usage = from->usage();
      monotonic_arena to(std::move(*from));
      BOOST_TEST(to.data() == data);
      BOOST_TEST(to.size() == arena_room);
      BOOST_TEST(to.position() == position);
      BOOST_TEST((to.usage() == usage));
      BOOST_TEST(to.checked() == kind.checked);
      BOOST_TEST(to.check());
      BOOST_TEST(is_dead(*from));
      for (monotonic_arena* memory : {&to, from.get()}) {
        BOOST_TEST(!memory->try_rewind(mark));
        memory->rewind(mark);
        BOOST_TEST(watch.only(misuse_kind::stale_mark));
      }
      const arena_mark on_dead = from->mark();
      BOOST_TEST(!to.try_rewind(on_dead));
      if (used) {
        BOOST_TEST(all_are(p, 100, 3));
        to.deallocate(p, 100);
      }
      fill(to.push(arena_room / 2), arena_room / 2, 4);
      to.clear();
      from->clear();
      from->release();
      (void)from->trim();
      BOOST_TEST(all_are(to.push_zeroed(arena_room), arena_room, 0));
      BOOST_TEST(watch.nothing());
      monotonic_arena again(std::move(to));
      BOOST_TEST(again.position() == arena_room);
      BOOST_TEST(is_dead(to));
    }
  });
}

BOOST_AUTO_TEST_CASE(a_moved_arena_keeps_its_name_and_alignment) {
  monotonic_arena_options options;
  options.name = "frame";
  options.auto_align = 64;
  monotonic_arena from(options);
  monotonic_arena to(std::move(from));
  BOOST_TEST(to.name() == "frame");
  BOOST_TEST(to.auto_align() == 64u);
  monotonic_arena unnamed(100);
  monotonic_arena nameless(std::move(unnamed));
  BOOST_TEST(nameless.name() == "monotonic_arena");
}

BOOST_AUTO_TEST_CASE(the_last_block_of_a_moved_arena_comes_back_as_no_mark_holds_it) {
  for (const bool checked : {false, true}) {
    monotonic_arena from(monotonic_options(checked));
    (void)from.allocate(16);
    const std::size_t before = from.position();
    void* const p = from.allocate(1000);
    (void)from.mark();
    monotonic_arena to(std::move(from));
    to.deallocate(p, 1000);
    BOOST_TEST(to.position() - before < (test::narrow ? 16u : 1u));  // there padding for the fence stays
  }
}

BOOST_AUTO_TEST_CASE(a_scope_on_an_arena_moved_away_reports_a_stale_mark) {
  monotonic_arena from(1000);
  (void)from.push(100);
  std::optional<monotonic_arena> to;
  const misuse_watch watch;
  {
    const scope inside(from);
    (void)from.push(100);
    to.emplace(std::move(from));
  }
  BOOST_TEST(watch.only(misuse_kind::stale_mark));
  BOOST_TEST(to->position() >= 200u);
}

// ---- sub-arenas

BOOST_AUTO_TEST_CASE(a_slice_has_exactly_its_size_and_the_parent_moves_on_by_that_and_padding) {
  test::for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    const auto parent = kind.make_monotonic();
    (void)parent->push(3, 1);
    std::vector<monotonic_arena> slices;
    slices.reserve(40);
    const std::byte* end = parent->data() + 3;
    for (const std::size_t size : {std::size_t{1}, std::size_t{100}, std::size_t{4096}}) {
      for (std::size_t alignment = 1; alignment <= 1024; alignment *= 2) {
        const std::size_t before = parent->position();
        slices.push_back(parent->carve(size, alignment));
        monotonic_arena& slice = slices.back();
        BOOST_TEST(slice.size() == size);
        BOOST_TEST(slice.position() == 0u);
        BOOST_TEST(slice.available() == size);
        BOOST_TEST(!slice.dead());
        BOOST_TEST(is_aligned(slice.data(), alignment));
        BOOST_TEST(slice.data() == end + padding_for(address_of(end), alignment));
        BOOST_TEST(parent->position() == before + padding_for(address_of(end), alignment) + size);
        BOOST_TEST(slice.checked() == kind.checked);
        BOOST_TEST(slice.root() == parent->root());
        BOOST_TEST(slice.upstream() == parent.get());
        end = slice.data() + size;
        fill(slice.push(size, 1), size, static_cast<unsigned>(slices.size()));
        BOOST_TEST(refuses(slice));
      }
    }
    for (std::size_t i = 0; i < slices.size(); ++i) {
      BOOST_TEST(all_are(slices[i].data(), slices[i].size(), static_cast<unsigned>(i + 1)));
      BOOST_TEST(slices[i].check());
    }
    BOOST_TEST(parent->check());
    // give one in the middle up: the others stay as they are
    slices[5].release();
    BOOST_TEST(is_dead(slices[5]));
    for (std::size_t i = 0; i < slices.size(); ++i)
      if (i != 5) BOOST_TEST(all_are(slices[i].data(), slices[i].size(), static_cast<unsigned>(i + 1)));
    while (!slices.empty()) slices.pop_back();
    const misuse_watch watch;
    parent->clear();
    BOOST_TEST(watch.nothing());
    BOOST_TEST(parent->position() == 0u);
  });
}

BOOST_AUTO_TEST_CASE(a_slice_that_does_not_fit_is_refused_and_changes_nothing) {
  test::for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    const auto parent = kind.make_monotonic();
    (void)parent->push(16);
    BOOST_TEST((code_of([&] { (void)parent->carve(arena_room); }) == memory_errc::limit_reached));
    BOOST_TEST(parent->position() == 16u);
    {
      monotonic_arena rest = parent->carve(arena_room - 16, 1);
      BOOST_TEST(refuses(*parent));
      fill(rest.push(arena_room - 16, 1), arena_room - 16, 1);
    }
    parent->pop_to(16);
    BOOST_TEST(parent->available() == arena_room - 16);
  });
}

BOOST_AUTO_TEST_CASE(a_slice_of_nothing_refuses_and_is_in_nobodys_way) {
  test::for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    for (const bool fresh : {true, false}) {
      const auto parent = kind.make_monotonic();
      if (!fresh) (void)parent->push(3, 1);
      const std::size_t before = parent->position();
      const misuse_watch watch;
      monotonic_arena nothing = parent->carve(0, 64);
      BOOST_TEST(nothing.size() == 0u);
      BOOST_TEST(nothing.position() == 0u);
      BOOST_TEST(refuses(nothing));
      BOOST_TEST(parent->position() <= before + 64);
      BOOST_TEST(parent->check());
      void* const p = parent->push(100);
      fill(p, 100, 1);
      BOOST_TEST(parent->check());
      BOOST_TEST(nothing.check());
      parent->clear();
      BOOST_TEST(watch.nothing());
      BOOST_TEST(parent->position() == 0u);
      (void)parent->push(100);
      nothing.release();
      BOOST_TEST(is_dead(nothing));
      BOOST_TEST(parent->check());
    }
  });
}

BOOST_AUTO_TEST_CASE(a_slice_of_memory_that_was_used_before_zeroes_what_is_pushed_zeroed) {
  test::for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    const auto parent = kind.make_monotonic();
    fill(parent->push(10'000), 10'000, 0xa5);
    parent->clear();
    {
      monotonic_arena dirty = parent->carve(5000);
      BOOST_TEST(all_are(dirty.push_zeroed(5000), 5000, 0));
      monotonic_arena half = parent->carve(8000);
      BOOST_TEST(all_are(half.push_zeroed(8000), 8000, 0));
      fill(half.data(), 8000, 0xa5);
      half.clear();
      monotonic_arena of_half = half.carve(4000);
      BOOST_TEST(all_are(of_half.push_zeroed(4000), 4000, 0));
      monotonic_arena fresh = parent->carve(4000);
      BOOST_TEST(all_are(fresh.push_zeroed(4000), 4000, 0));
      fill(fresh.data(), 4000, 0xa5);
    }
    parent->clear();
    BOOST_TEST(all_are(parent->push_zeroed(30'000), 30'000, 0));  // what the slices left
  });
}

BOOST_AUTO_TEST_CASE(going_back_below_a_living_slice_is_misuse_and_changes_nothing) {
  test::for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    const auto parent = kind.make_monotonic();
    (void)parent->push(100);
    const misuse_watch watch;
    const arena_mark mark = parent->mark();
    const std::size_t start = parent->position();
    std::optional<monotonic_arena> a(parent->carve(1000));
    std::optional<monotonic_arena> b(parent->carve(1000));
    std::optional<monotonic_arena> c(parent->carve(1000));
    const arena_mark above = parent->mark();
    const std::size_t end = parent->position();
    fill(b->push(500), 500, 7);
    (void)parent->push(200);
    const std::size_t top = parent->position();
    const auto refused = [&](auto go) {
      const std::size_t before = parent->position();
      go();
      return watch.only(misuse_kind::live_sub_arena) && parent->position() == before;
    };
    a->release();
    c.reset();
    BOOST_TEST(refused([&] { parent->rewind(mark); }));
    BOOST_TEST(!parent->try_rewind(mark));
    BOOST_TEST(watch.nothing());
    BOOST_TEST(refused([&] { parent->pop_to(start); }));
    BOOST_TEST(refused([&] { parent->pop(top - start); }));
    BOOST_TEST(refused([&] { parent->clear(); }));
    BOOST_TEST(refused([&] { parent->clear(0); }));
    BOOST_TEST(refused([&] { parent->release(); }));
    BOOST_TEST(parent->position() == top);
    BOOST_TEST(all_are(b->data(), 500, 7));
    BOOST_TEST(b->position() == 500u);
    (void)parent->trim();
    BOOST_TEST(all_are(b->data(), 500, 7));

    parent->rewind(above);  // down to the end of the last one
    BOOST_TEST(parent->position() == end);
    parent->pop_to(end - 1000);  // where the released one was
    BOOST_TEST(watch.nothing());
    b->release();
    BOOST_TEST(is_dead(*b));
    parent->rewind(mark);
    BOOST_TEST(watch.nothing());
    BOOST_TEST(parent->position() == start);
    BOOST_TEST(parent->check());
    (void)parent->push(3000);
  });
}

BOOST_AUTO_TEST_CASE(a_scope_around_a_living_slice_reports_it_and_keeps_it) {
  test::for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    const auto parent = kind.make_monotonic();
    const misuse_watch watch;
    std::optional<monotonic_arena> slice;
    {
      const scope inside(*parent);
      slice.emplace(parent->carve(100));
      fill(slice->push(100), 100, 1);
    }
    BOOST_TEST(watch.only(misuse_kind::live_sub_arena));
    BOOST_TEST(parent->position() == 100u);
    BOOST_TEST(all_are(slice->data(), 100, 1));
    slice.reset();
    {
      const scope inside(*parent);
      const monotonic_arena gone = parent->carve(100);
      (void)parent->push(10);
    }
    BOOST_TEST(parent->position() == 100u);
    BOOST_TEST(watch.nothing());
    BOOST_TEST(parent->check());
  });
}

BOOST_AUTO_TEST_CASE(a_block_freed_below_a_slice_does_not_take_it_along) {
  test::for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    const auto parent = kind.make_monotonic();
    const misuse_watch watch;
    void* const before = parent->allocate(100);
    monotonic_arena slice = parent->carve(108, 1);
    fill(slice.push(108, 1), 108, 1);
    const std::size_t end = parent->position();
    void* const after = parent->allocate(100);
    parent->deallocate(after, 100);
    BOOST_TEST(parent->position() >= end);
    BOOST_TEST(parent->position() < end + 16);
    parent->deallocate(before, 100);
    if (!memory_tools::active()) (void)parent->try_expand(slice.data(), 108, 10, 1);  // a tool believes it
    BOOST_TEST(parent->position() >= end);
    (void)parent->push(10);
    BOOST_TEST(all_are(slice.data(), 108, 1));
    BOOST_TEST(parent->check());
  });
}

BOOST_AUTO_TEST_CASE(slices_of_slices_lie_in_them_and_die_with_them) {
  test::for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    auto parent = kind.make_monotonic();
    const misuse_watch watch;
    std::optional<monotonic_arena> child(parent->carve(10'000));
    std::vector<monotonic_arena> grandchildren;
    grandchildren.reserve(4);
    for (int i = 0; i < 3; ++i) {
      grandchildren.push_back(child->carve(1000));
      fill(grandchildren.back().push(1000), 1000, static_cast<unsigned>(i));
      BOOST_TEST(grandchildren.back().root() == parent->root());
      BOOST_TEST(range_contains(child->data(), child->size(), grandchildren.back().data(), 1000));
    }
    for (int i = 0; i < 3; ++i)
      BOOST_TEST(all_are(grandchildren[static_cast<std::size_t>(i)].data(), 1000, static_cast<unsigned>(i)));
    child->release();
    BOOST_TEST(watch.only(misuse_kind::live_sub_arena));
    BOOST_TEST(!child->dead());
    child->clear();
    BOOST_TEST(watch.only(misuse_kind::live_sub_arena));
    grandchildren.pop_back();
    child->pop_to(2000 + (child->position() - 2000) % 8);
    watch.forget();

    // all of them, with whom they came from
    parent->clear();
    BOOST_TEST(watch.only(misuse_kind::live_sub_arena));
    std::optional<monotonic_arena> moved(std::move(*child));
    BOOST_TEST(is_dead(*child));
    BOOST_TEST(!grandchildren[0].dead());
    BOOST_TEST(grandchildren[0].upstream() == &*moved);
    child.reset();
    moved->clear();
    BOOST_TEST(watch.only(misuse_kind::live_sub_arena));
    moved.reset();
    for (monotonic_arena& grandchild : grandchildren) BOOST_TEST(is_dead(grandchild));
    watch.forget();
    parent->clear();
    BOOST_TEST(watch.nothing());
    BOOST_TEST(parent->position() == 0u);
  });
}

BOOST_AUTO_TEST_CASE(slices_go_with_a_moved_parent_and_are_dead_once_it_is_destroyed) {
  test::for_each_kind(test::monotonic_kinds(), [](const arena_kind& kind) {
    if (kind.name.rfind("local", 0) == 0) return;
    const misuse_watch watch;
    auto from = kind.make_monotonic();
    monotonic_arena a = from->carve(1000);
    monotonic_arena b = from->carve(1000);
    fill(a.push(1000), 1000, 1);
    fill(b.push(500), 500, 2);
    const arena_mark in_b = b.mark();
    std::optional<monotonic_arena> parent(std::move(*from));
    BOOST_TEST(all_are(a.data(), 1000, 1));
    BOOST_TEST(a.upstream() == &*parent);
    BOOST_TEST(a.root() == parent->root());
    BOOST_TEST(b.try_rewind(in_b));  // only the parent has moved
    BOOST_TEST(parent->check());
    BOOST_TEST(refuses(*from));
    parent->clear();
    BOOST_TEST(watch.only(misuse_kind::live_sub_arena));
    monotonic_arena c = parent->carve(100);
    fill(c.push(100), 100, 3);
    BOOST_TEST(all_are(b.data(), 500, 2));
    b.release();
    monotonic_arena moved_a(std::move(a));
    BOOST_TEST(is_dead(a));
    BOOST_TEST(moved_a.position() == 1000u);
    BOOST_TEST(all_are(moved_a.data(), 1000, 1));
    BOOST_TEST(parent->check());
    parent.reset();
    BOOST_TEST(is_dead(moved_a));
    BOOST_TEST(is_dead(c));
    c.release();
    moved_a.clear();
  });
}

BOOST_AUTO_TEST_CASE(a_slice_outlives_no_memory_but_its_object_may_outlive_the_parents) {
  const misuse_watch watch;
  std::optional<monotonic_arena> parent(std::in_place, std::size_t{10'000});
  monotonic_arena slice = parent->carve(100);
  const arena_mark mark = slice.mark();
  (void)slice.push(10);
  parent.reset();
  watch.forget();
  BOOST_TEST(is_dead(slice));
  BOOST_TEST(!slice.try_rewind(mark));
  slice.release();
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_slice_of_a_moved_from_arena_is_refused) {
  monotonic_arena from(1000);
  monotonic_arena to(std::move(from));
  BOOST_TEST((code_of([&] { (void)from.carve(10); }) == memory_errc::null_pointer));
  BOOST_TEST(to.carve(10).size() == 10u);
}

// ---- checked arenas on memory of others

BOOST_AUTO_TEST_CASE(two_checked_arenas_on_the_same_bytes_are_misuse_and_the_newer_is_dead) {
  alignas(16) std::array<std::byte, 4000> buffer;
  const monotonic_arena_options options = monotonic_options(true);
  const misuse_watch watch;
  struct range {
    const char* name;
    std::size_t first;
    std::size_t bytes;
  };
  const std::vector<range> overlaps{{"the same", 1000, 1000},
                                    {"the front part", 900, 200},
                                    {"the back part", 1900, 200},
                                    {"inside", 1400, 100},
                                    {"around", 500, 2000},
                                    {"one byte", 1999, 1},
                                    {"from the same start", 1000, 11},
                                    {"to the same end", 1990, 10}};
  const std::vector<range> apart{{"before", 0, 1000}, {"behind", 2000, 500}, {"nothing inside", 1500, 0}};
  {
    monotonic_arena first(buffer.data() + 1000, 1000, options);
    (void)first.push(10, 1);
    for (const auto& [name, at, bytes] : overlaps) {
      monotonic_arena second(buffer.data() + at, bytes, options);
      BOOST_TEST(watch.count() == 1u);
      BOOST_TEST(watch.only(misuse_kind::overlapping_memory), name);
      BOOST_TEST(is_dead(second), name);
      BOOST_TEST(first.check());
      monotonic_arena unchecked(buffer.data() + at, bytes, monotonic_options(false));
      BOOST_TEST(watch.nothing(), name);
    }
    for (const auto& [name, at, bytes] : apart) {
      monotonic_arena second(buffer.data() + at, bytes, options);
      BOOST_TEST(watch.nothing(), name);
      BOOST_TEST(!second.dead(), name);
    }
    BOOST_TEST(first.push(10) != nullptr);
  }
  for (const auto& [name, at, bytes] : overlaps) {  // after the first's end
    monotonic_arena second(buffer.data() + at, bytes, options);
    BOOST_TEST(watch.nothing(), name);
  }
}

BOOST_AUTO_TEST_CASE(a_checked_arena_on_memory_another_has_handed_out_is_fine) {
  alignas(16) std::array<std::byte, 4000> buffer;
  const monotonic_arena_options options = monotonic_options(true);
  const misuse_watch watch;
  std::optional<monotonic_arena> outer(std::in_place, buffer.data(), buffer.size(), options);
  void* const p = outer->push(1000);
  {
    monotonic_arena inner(p, 1000, options);
    BOOST_TEST(watch.nothing());
    BOOST_TEST(!inner.dead());
    monotonic_arena twice(p, 1000, options);
    BOOST_TEST(watch.only(misuse_kind::overlapping_memory));
    monotonic_arena innermost(inner.push(100), 100, options);
    BOOST_TEST(watch.nothing());
    fill(innermost.push(100, 1), 100, 1);
  }
  monotonic_arena too_far(static_cast<std::byte*>(p) + 500, 1000, options);
  BOOST_TEST(watch.only(misuse_kind::overlapping_memory));

  // it is the same when the outer one has moved
  monotonic_arena moved(std::move(*outer));
  {
    monotonic_arena inner(p, 1000, options);
    BOOST_TEST(watch.nothing());
    BOOST_TEST(!inner.dead());
  }
  monotonic_arena beyond(buffer.data() + 2000, 100, options);
  BOOST_TEST(watch.only(misuse_kind::overlapping_memory));
  outer.reset();
  monotonic_arena still(buffer.data() + 2000, 100, options);
  BOOST_TEST(watch.only(misuse_kind::overlapping_memory));
}

BOOST_AUTO_TEST_CASE(checked_arenas_on_a_viewed_block_and_a_buffer_know_of_each_other) {
  page_block block(4 * page);
  const monotonic_arena_options options = monotonic_options(true);
  const misuse_watch watch;
  monotonic_arena viewing(block, options);
  monotonic_arena twice(block, options);
  BOOST_TEST(watch.only(misuse_kind::overlapping_memory));
  BOOST_TEST(is_dead(twice));
  monotonic_arena on_buffer(static_cast<std::byte*>(block.data()) + page, page, options);
  BOOST_TEST(watch.only(misuse_kind::overlapping_memory));
  BOOST_TEST(!viewing.dead());
  fill(viewing.push(4 * page), 4 * page, 1);
}

// ---- usage

BOOST_AUTO_TEST_CASE(usage_tells_what_is_reserved_committed_used_and_was_used_at_most) {
  monotonic_arena memory(1_MiB);
  (void)memory.push(1000, 1);
  memory.pop(600);
  BOOST_TEST(memory.usage().reserved == 1_MiB);
  BOOST_TEST(memory.usage().committed == 64_KiB);
  BOOST_TEST(memory.usage().used == 400u);
  BOOST_TEST(memory.usage().peak == 1000u);
  BOOST_TEST(memory.available() == 1_MiB - 400);
  {
    const scope inside(memory);
    (void)memory.push(5000, 1);
  }
  BOOST_TEST(memory.usage().peak == 5400u);
  void* const p = memory.allocate(10'000, 1);
  memory.deallocate(p, 10'000, 1);
  BOOST_TEST(memory.usage().peak >= 10'400u);
  const std::size_t peak = memory.usage().peak;
  memory.clear(0);
  (void)memory.trim();
  BOOST_TEST(memory.usage().peak == peak);
  BOOST_TEST((memory.find_block(memory.data()).state == block_state::free));
  memory.release();
  BOOST_TEST(memory.usage().peak == 0u);
}

BOOST_AUTO_TEST_CASE(errors_name_the_arena_the_request_and_the_limit) {
  monotonic_arena_options options = monotonic_options(false);
  options.name = "frame";
  monotonic_arena memory(options);
  try {
    (void)memory.push(arena_room + 1, 32);
    BOOST_ERROR("there is no room");
  } catch (const allocation_error& error) {
    BOOST_TEST((error.code() == memory_errc::limit_reached));
    BOOST_TEST(error.resource_name() == "frame");
    BOOST_TEST(error.bytes() == arena_room + 1);
    BOOST_TEST(error.alignment() == 32u);
    BOOST_TEST(error.limit() == arena_room);
  }
  BOOST_TEST(memory.carve(100, 16, "slice").name() == "slice");
}

BOOST_AUTO_TEST_CASE(a_refused_first_push_leaves_marks_and_scopes_good) {
  const test::misuse_watch watch;
  {
    monotonic_arena memory(1_MiB);
    const arena_mark mark = memory.mark();
    const scope around(memory);
    {
      const os::failure_injection refuse(1, os::os_call::protect, os::failure_injection::rule::from_then_on);
      BOOST_CHECK_THROW(memory.push(10), allocation_error);
    }
    BOOST_TEST(memory.usage().reserved == 0u);
    BOOST_TEST(memory.try_rewind(mark));
  }
  alignas(4096) std::array<std::byte, 2048> room;
  std::pmr::monotonic_buffer_resource upstream(&room[16], room.size() - 16, std::pmr::null_memory_resource());
  monotonic_arena too_small(1024, &upstream);
  const arena_mark mark = too_small.mark();
  BOOST_CHECK_THROW(too_small.push(1024, 4096), allocation_error);
  BOOST_TEST(too_small.try_rewind(mark));
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(growing_a_shrunk_block_does_not_go_below_a_mark_behind_it) {
  for (const bool checked : {false, true}) {
    monotonic_arena_options options;
    options.checked = checked;
    monotonic_arena memory(options);
    void* const block = memory.allocate(100);
    const arena_mark mark = memory.mark();
    BOOST_TEST(memory.try_expand(block, 100, 40, 16));
    BOOST_TEST(memory.position() >= mark.position());
    if (memory.try_expand(block, 40, 50, 16)) BOOST_TEST(memory.position() >= mark.position());
    BOOST_TEST(memory.check());
    BOOST_TEST(memory.try_rewind(mark));
  }
}

BOOST_AUTO_TEST_CASE(a_checked_arena_on_a_block_that_was_taken_away_is_in_nobodys_way) {
  monotonic_arena_options checked;
  checked.checked = true;
  const test::misuse_watch watch;
  page_block first(16 * test::system_page_size());
  const monotonic_arena on_first(static_cast<const page_block&>(first), checked);
  first.resize(8 * test::system_page_size());
  const monotonic_arena on_rest(static_cast<const page_block&>(first), checked);
  BOOST_TEST(!on_rest.dead());
  page_block second(std::move(first));
  const monotonic_arena on_moved(static_cast<const page_block&>(second), checked);
  BOOST_TEST(!on_moved.dead());
  BOOST_TEST(watch.nothing());
  const monotonic_arena twice(static_cast<const page_block&>(second), checked);
  BOOST_TEST(watch.only(misuse_kind::overlapping_memory));
}

BOOST_AUTO_TEST_CASE(a_slice_of_fresh_memory_is_zero_without_being_cleared) {
  if (memory_tools::active() || test::under_thread_sanitizer())
    return test::skip("the tool keeps books of its own about the memory");
  monotonic_arena memory(1_GiB);
  monotonic_arena slice = memory.carve(256_MiB);
  BOOST_REQUIRE(memory.usage().committed >= 256_MiB);
  const std::size_t before = test::resident();
  auto* const bytes = static_cast<unsigned char*>(slice.push_zeroed(256_MiB, 1));
  BOOST_TEST(test::resident() < before + 8_MiB);
  BOOST_TEST(bytes[100_MiB] == 0u);
}

BOOST_AUTO_TEST_CASE(checked_arenas_of_several_threads_do_not_disturb_each_other) {
  const auto work = [] {
    monotonic_arena_options checked;
    checked.checked = true;
    std::vector<std::byte> buffer(4096);
    for (int i = 0; i < 2000; ++i) {
      monotonic_arena one(buffer.data(), buffer.size(), checked);
      one.push(100);
      one.release();
      monotonic_arena moved(std::move(one));
      moved.push(200);
    }
  };
  const test::misuse_watch watch;
  std::thread first(work);
  std::thread second(work);
  first.join();
  second.join();
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_SUITE_END()
