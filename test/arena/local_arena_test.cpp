#include <allot/arena/local_arena.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <allot/testing/trap_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <memory_resource>
#include <string>
#include <type_traits>
#include <vector>

#include "arena/arena_kinds.hpp"
#include "support/bytes.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using test::all_are;
using test::fill;

namespace {

using small_arena = local_arena<1000>;

static_assert(!std::is_copy_constructible_v<small_arena> && !std::is_copy_assignable_v<small_arena>);
static_assert(!std::is_move_constructible_v<small_arena> && !std::is_move_assignable_v<small_arena>);
static_assert(std::is_final_v<small_arena> && std::is_default_constructible_v<small_arena>);
static_assert(sizeof(local_arena<test::arena_room>) < test::arena_room + 1024);
static_assert(alignof(local_arena<100, 256>) == 256);

}  // namespace

BOOST_AUTO_TEST_SUITE(local_arenas)

BOOST_AUTO_TEST_CASE(neither_constructing_nor_using_one_asks_anyone) {
  testing::trap_resource trap;
  const testing::default_resource_guard guard(trap);
  const os::failure_injection calls(0);
  {
    small_arena memory;
    fill(memory.push(500), 500, 1);
    memory.clear();
    (void)memory.allocate(900);
    memory.release();
  }
  BOOST_TEST(trap.uses() == 0u);
  BOOST_TEST(calls.calls() == 0u);
}

BOOST_AUTO_TEST_CASE(its_bytes_lie_inside_it_and_are_as_many_as_it_says) {
  small_arena memory;
  BOOST_TEST(memory.size() == 1000u);
  BOOST_TEST(memory.available() == 1000u);
  BOOST_TEST(range_contains(&memory, sizeof memory, memory.data(), memory.size()));
  BOOST_TEST(!memory.dead());
  BOOST_TEST(memory.kind() == "local_arena");
  BOOST_TEST(memory.name() == "local_arena");
  BOOST_TEST(memory.upstream() == nullptr);
  BOOST_TEST(memory.root() == &memory);
  for (int life = 0; life < 2; ++life) {
    fill(memory.push(1000, 1), 1000, 1);
    BOOST_CHECK_THROW((void)memory.push(1, 1), allocation_error);
    BOOST_CHECK_THROW((void)memory.allocate(1, 1), allocation_error);
    memory.release();
    BOOST_TEST(!memory.dead());
  }
  local_arena<1> one;
  BOOST_TEST(one.push(1, 1) == one.data());
  BOOST_CHECK_THROW((void)one.push(1, 1), allocation_error);
}

BOOST_AUTO_TEST_CASE(the_first_byte_has_the_alignment_asked_for) {
  BOOST_TEST(is_aligned(local_arena<1>().data(), alignof(std::max_align_t)));
  local_arena<1024, 256> wide;
  BOOST_TEST(is_aligned(wide.data(), 256));
  BOOST_TEST(wide.push(1024, 256) == wide.data());
  local_arena<100, 4096> pages;
  BOOST_TEST(is_aligned(pages.data(), 4096));
}

BOOST_AUTO_TEST_CASE(options_count_as_far_as_they_can) {
  monotonic_arena_options options;
  options.size = 5;  // does not
  options.auto_align = 1;
  options.name = "request";
  options.checked = true;
  small_arena memory(options);
  BOOST_TEST(memory.size() == 1000u);
  BOOST_TEST(memory.auto_align() == 1u);
  BOOST_TEST(memory.name() == "request");
  BOOST_TEST(memory.checked());
}

BOOST_AUTO_TEST_CASE(containers_live_in_it_and_slices_can_be_carved) {
  local_arena<16384> memory;
  {
    std::pmr::vector<std::pmr::string> texts(&memory);
    for (int i = 0; i < 50; ++i) texts.emplace_back("a text that is too long to be kept in place");
    BOOST_TEST(texts.back().get_allocator().resource() == &memory);
    BOOST_TEST(memory.owns(texts.back().data()));
  }
  memory.clear();
  {
    monotonic_arena slice = memory.carve(1000);
    fill(slice.push(1000), 1000, 1);
    BOOST_TEST(slice.root() == &memory);
    BOOST_TEST(memory.owns(slice.data()));
    BOOST_TEST(all_are(slice.data(), 1000, 1));
  }
  memory.clear();
  BOOST_TEST(memory.check());
}

BOOST_AUTO_TEST_CASE(checked_ones_on_the_stack_again_and_again_are_no_overlap) {
  const test::misuse_watch watch;
  for (int round = 0; round < 10; ++round) {
    small_arena outer(test::monotonic_options(true));
    monotonic_arena inner(outer.push(500), 500, test::monotonic_options(true));
    fill(inner.push(500), 500, 1);
    BOOST_TEST(watch.nothing());
    monotonic_arena over_all(outer.data(), outer.size(), test::monotonic_options(true));
    BOOST_TEST(watch.only(misuse_kind::overlapping_memory));
  }
}

BOOST_AUTO_TEST_SUITE_END()
