#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <allot/block/budget_slice.hpp>
#include <allot/block/memory_budget.hpp>
#include <allot/container/vlarray.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/failing_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <memory_resource>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/child.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;

namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);

memory_budget_options options_for(std::size_t permanent, std::size_t transient, bool checked = false) {
  memory_budget_options options;
  options.permanent = permanent;
  options.transient = transient;
  options.name = "game";
  options.checked = checked;
  return options;
}

/// What does not fit is to come from there.
memory_budget_options falling_back_on(std::pmr::memory_resource* fallback, std::size_t transient = 0,
                                      bool checked = false) {
  memory_budget_options options = options_for(4096, transient, checked);
  options.on_overflow = overflow_action::fall_back;
  options.fallback = fallback;
  return options;
}

/// What an overflow handler was told, and what it is to answer.
struct overflows {
  overflow_action answer = overflow_action::throw_error;
  std::size_t count = 0;
  std::string budget;
  std::string part;
  std::size_t bytes = 0;
  std::size_t alignment = 0;
  std::size_t available = 0;

  void listen(memory_budget_options& options) {
    options.handler = &hear;
    options.handler_context = this;
  }

 private:
  static overflow_action hear(const overflow_report& overflow, void* context) noexcept {
    auto& self = *static_cast<overflows*>(context);
    ++self.count;
    self.budget = overflow.budget;
    self.part = overflow.part;
    self.bytes = overflow.bytes;
    self.alignment = overflow.alignment;
    self.available = overflow.available;
    return self.answer;
  }
};

/// What a slice is, to be compared.
struct picture {
  explicit picture(const budget_slice& slice)
      : data(slice.data()), size(slice.size()), available(slice.available()), usage(slice.usage()) {}
  const std::byte* data;
  std::size_t size;
  std::size_t available;
  memory_usage usage;
  friend bool operator==(const picture& a, const picture& b) {
    return a.data == b.data && a.size == b.size && a.available == b.available && a.usage == b.usage;
  }
};

bool refused_with(budget_slice& slice, std::size_t bytes, std::size_t alignment, memory_errc code) {
  try {
    (void)slice.allocate(bytes, alignment);
  } catch (const allocation_error& error) {
    return error.code() == code && error.resource_name() == slice.name() && error.bytes() == bytes &&
           error.alignment() == alignment;
  }
  return false;
}

const test::child_program aborting{"budget_overflow_aborts", [] {
                                     memory_budget_options options = options_for(4096, 0);
                                     options.on_overflow = overflow_action::abort;
                                     memory_budget budget(options);
                                     budget_slice slice = budget.permanent("world", 100, 1);
                                     (void)slice.allocate(60, 1);
                                     (void)slice.allocate(50, 1);
                                   }};
const test::child_program aborting_try{"budget_overflow_aborts_try", [] {
                                         memory_budget_options options = options_for(4096, 0);
                                         options.on_overflow = overflow_action::abort;
                                         memory_budget budget(options);
                                         budget_slice slice = budget.permanent("world", 100, 1);
                                         if (slice.try_allocate(101, 1) == nullptr) return;
                                       }};
const test::child_program beyond_a_block{"budget_slice_beyond_a_block", [] {
                                           memory_budget budget(options_for(4096, 0));
                                           budget_slice slice = budget.permanent("world", 4096);
                                           auto* p = static_cast<volatile char*>(slice.allocate(16));
                                           p[16] = 1;
                                         }};

static_assert(std::is_nothrow_move_constructible_v<budget_slice> && !std::is_copy_constructible_v<budget_slice> &&
              !std::is_move_assignable_v<budget_slice> && std::is_final_v<budget_slice>);

}  // namespace

BOOST_AUTO_TEST_SUITE(budget_slices)

BOOST_AUTO_TEST_CASE(a_slice_has_exactly_the_bytes_asked_for_aligned_as_asked) {
  memory_budget budget(options_for(1 << 20, 1 << 20));
  std::vector<budget_slice> slices;
  for (const std::size_t alignment : {1U, 2U, 16U, 64U, 4096U, 65536U})
    for (const std::size_t bytes : {0U, 1U, 7U, 100U, 4096U, 10001U}) {
      slices.push_back(budget.permanent("p", bytes, alignment));
      BOOST_TEST(slices.back().size() == bytes);
      BOOST_TEST(is_aligned(slices.back().data(), alignment));
      BOOST_TEST(slices.back().is_current());
      BOOST_TEST(slices.back().available() == bytes);
      BOOST_TEST(slices.back().check());
      std::fill_n(slices.back().data(), bytes, static_cast<std::byte>(slices.size()));
    }
  for (std::size_t i = 0; i < slices.size(); ++i)  // none lies on another
    BOOST_TEST(std::count(slices[i].data(), slices[i].data() + slices[i].size(), static_cast<std::byte>(i + 1)) ==
               static_cast<std::ptrdiff_t>(slices[i].size()));
}

BOOST_AUTO_TEST_CASE(what_a_slice_is_called_and_whose_it_is) {
  memory_budget budget(options_for(4096, 0));
  budget_slice slice = budget.permanent("world", 100);
  BOOST_TEST(slice.name() == "world");
  BOOST_TEST(slice.kind() == "budget_slice");
  BOOST_TEST(slice.upstream() == nullptr);
  BOOST_TEST(slice.root() == &slice);
  BOOST_TEST(slice.is_equal(slice));
  budget_slice other = budget.permanent("", 100);
  BOOST_TEST(other.name() == "budget_slice");
  BOOST_TEST(!slice.is_equal(other));
}

BOOST_AUTO_TEST_CASE(every_byte_of_a_slice_can_be_had_and_not_one_more) {
  memory_budget budget(options_for(1 << 16, 0));
  for (const std::size_t alignment : {1U, 16U, 64U}) {
    budget_slice slice = budget.permanent("exact", 1000, alignment);
    void* p = slice.allocate(1000, alignment);
    BOOST_TEST(p == slice.data());
    BOOST_TEST(slice.available() == 0u);
    BOOST_TEST(refused_with(slice, 1, 1, memory_errc::limit_reached));
    BOOST_TEST(refused_with(slice, 0, 1, memory_errc::limit_reached));
    slice.deallocate(p, 1000, alignment);
    BOOST_TEST(refused_with(slice, 1001, 1, memory_errc::limit_reached));
    for (int i = 0; i < 1000; ++i) *static_cast<char*>(slice.allocate(1, 1)) = 1;
    BOOST_TEST(slice.available() == 0u);
    BOOST_TEST(slice.refused() == 3u);
  }
}

BOOST_AUTO_TEST_CASE(requests_no_address_space_holds_are_refused_and_change_nothing) {
  memory_budget budget(options_for(4096, 0));
  budget_slice slice = budget.permanent("small", 1000);
  void* p = slice.allocate(10);
  const picture before(slice);
  for (const std::size_t bytes : {none, none - 1, none - 15, none / 2, none / 2 + 1, std::size_t{991}})
    for (const std::size_t alignment : {std::size_t{1}, std::size_t{16}, std::size_t{4096}, none / 2 + 1}) {
      BOOST_TEST(refused_with(slice, bytes, alignment, memory_errc::limit_reached));
      BOOST_TEST(slice.try_allocate(bytes, alignment) == nullptr);
      BOOST_TEST((picture(slice) == before));
    }
  BOOST_TEST(refused_with(slice, 1, none / 2 + 1, memory_errc::limit_reached));
  BOOST_TEST((picture(slice) == before));
  slice.deallocate(p, 10);
}

BOOST_AUTO_TEST_CASE(freeing_the_last_block_gives_its_bytes_back) {
  memory_budget budget(options_for(4096, 0));
  budget_slice slice = budget.permanent("stack", 1000);
  void* a = slice.allocate(100);
  void* b = slice.allocate(200, 4);
  BOOST_TEST(slice.used() == 300u);
  slice.deallocate(b, 200, 4);
  BOOST_TEST(slice.used() == 100u);
  BOOST_TEST(slice.high_water() == 300u);
  BOOST_TEST(slice.allocate(50, 4) == b);
  slice.deallocate(b, 50, 4);
  slice.deallocate(a, 100);
  BOOST_TEST(slice.used() == 0u);
  BOOST_TEST(slice.high_water() == 300u);
}

BOOST_AUTO_TEST_CASE(a_slice_without_live_blocks_is_empty_whatever_the_order_of_frees) {
  memory_budget budget(options_for(1 << 16, 0));
  budget_slice slice = budget.permanent("any order", 10000);
  std::mt19937 random(1);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::pair<void*, std::size_t>> blocks;
    for (int i = 0; i < 20; ++i) {
      const std::size_t bytes = random() % 300;
      blocks.emplace_back(slice.allocate(bytes, 32), bytes);
    }
    std::shuffle(blocks.begin(), blocks.end(), random);
    for (const auto& [p, bytes] : blocks) {
      BOOST_REQUIRE(slice.used() != 0u);
      slice.deallocate(p, bytes, 32);
      BOOST_REQUIRE(slice.check());
    }
    BOOST_REQUIRE(slice.used() == 0u);
    BOOST_REQUIRE(slice.available() == 10000u);
  }
}

BOOST_AUTO_TEST_CASE(no_blocks_means_memory_is_there_again_for_a_pool_on_top) {
  memory_budget budget(options_for(4 << 20, 0));
  budget_slice slice = budget.permanent("pool", 2 << 20);
  for (int round = 0; round < 50; ++round) {
    std::pmr::unsynchronized_pool_resource pool(&slice);
    std::pmr::vector<std::pmr::string> words(&pool);
    for (int i = 0; i < 500; ++i) words.emplace_back("a word longer than the small string optimisation");
  }
  BOOST_TEST(slice.used() == 0u);
}

BOOST_AUTO_TEST_CASE(the_last_block_grows_in_place_and_any_block_shrinks) {
  memory_budget budget(options_for(4096, 0));
  budget_slice slice = budget.permanent("expand", 1000);
  auto* a = static_cast<std::byte*>(slice.allocate(100));
  std::memset(a, 1, 100);
  BOOST_TEST(slice.try_expand(a, 100, 1000, 16));
  std::memset(a, 1, 1000);
  BOOST_TEST(!slice.try_expand(a, 1000, 1001, 16));
  BOOST_TEST(!slice.try_expand(a, 1000, none, 16));
  BOOST_TEST(slice.try_expand(a, 1000, 200, 16));
  BOOST_TEST(slice.used() == 200u);
  BOOST_TEST(slice.high_water() == 1000u);
  auto* b = static_cast<std::byte*>(slice.allocate(100, 16));
  BOOST_TEST(b == a + 208);
  BOOST_TEST(!slice.try_expand(a, 200, 201, 16));
  BOOST_TEST(slice.try_expand(a, 200, 10, 16));
  BOOST_TEST(slice.used() == 308u);
  BOOST_TEST(slice.try_expand(b, 100, 0, 16));
  BOOST_TEST(slice.used() == 209u);
  BOOST_TEST(!slice.try_expand(b, 100, 200, 16));  // it has not that many
  char elsewhere = 0;
  BOOST_TEST(!slice.try_expand(&elsewhere, 1, 2, 1));
  BOOST_TEST(slice.check());
  slice.deallocate(b, 0);
  slice.deallocate(a, 10);
  BOOST_TEST(slice.used() == 0u);
}

BOOST_AUTO_TEST_CASE(a_slice_knows_its_addresses) {
  memory_budget budget(options_for(4096, 0));
  budget_slice slice = budget.permanent("mine", 1000);
  auto* p = static_cast<std::byte*>(slice.allocate(100));
  BOOST_TEST(slice.owns(p));
  BOOST_TEST(slice.owns(slice.data() + 999));
  BOOST_TEST(!slice.owns(slice.data() + 1000));
  BOOST_TEST(!slice.owns(slice.data() - 1));
  BOOST_TEST(!slice.owns(&slice));
  BOOST_TEST((slice.find_block(p + 99).state == block_state::used));
  BOOST_TEST(slice.find_block(p + 99).bytes == 100u);
  BOOST_TEST((slice.find_block(p + 100).state == block_state::free));
  BOOST_TEST(slice.find_block(p + 100).begin == p + 100);
  BOOST_TEST(slice.find_block(p + 100).bytes == 900u);
  BOOST_TEST((slice.find_block(&slice).state == block_state::unknown));
  std::size_t regions = 0;
  auto count = [&](const block_info& block) {
    regions += block.bytes == (block.state == block_state::used ? 100u : 900u) ? 1 : 100;
  };
  slice.for_each_block(count);
  BOOST_TEST(regions == 2u);
  const memory_usage usage = slice.usage();
  BOOST_TEST(usage.reserved == 1000u);
  BOOST_TEST(usage.committed == 1000u);
  BOOST_TEST(usage.used == 100u);
  BOOST_TEST(usage.peak == 100u);
}

BOOST_AUTO_TEST_CASE(release_empties_a_slice_and_keeps_its_counters) {
  memory_budget budget(options_for(4096, 0));
  budget_slice slice = budget.permanent("again", 100, 1);
  for (int round = 0; round < 3; ++round) {
    BOOST_TEST(slice.allocate(60, 1) == slice.data());
    BOOST_TEST(slice.try_allocate(60, 1) == nullptr);
    slice.release();
    slice.release();
    BOOST_TEST(slice.used() == 0u);
    BOOST_TEST(slice.available() == 100u);
  }
  BOOST_TEST(slice.high_water() == 60u);
  BOOST_TEST(slice.refused() == 3u);
}

BOOST_AUTO_TEST_CASE(the_room_without_overflow_is_that_of_a_slice_and_has_no_bound_elsewhere) {
  memory_budget budget(options_for(4096, 0));
  budget_slice slice = budget.permanent("room", 1000, 64);
  (void)slice.allocate(1, 1);
  BOOST_TEST(room_without_overflow(&slice, 1) == 999u);
  BOOST_TEST(room_without_overflow(&slice, 64) == 936u);
  BOOST_TEST(slice.try_allocate(936, 64) != nullptr);
  BOOST_TEST(room_without_overflow(&slice, 1) == 0u);
  BOOST_TEST(slice.refused() == 0u);
  BOOST_TEST(room_without_overflow(std::pmr::new_delete_resource(), 16) == none);
  BOOST_TEST(room_without_overflow(nullptr, 16) == none);
}

// ---- raw use

BOOST_AUTO_TEST_CASE(a_slice_is_plain_memory_for_a_manager_of_the_users_own) {
  memory_budget budget(options_for(1 << 16, 0));
  budget_slice slice = budget.permanent("own", 10000);
  std::size_t bumped = 0;
  for (std::size_t i = 1; i <= 100; ++i) {
    std::memset(slice.data() + bumped, static_cast<int>(i), i);
    bumped += i;
    slice.note_used(bumped);
  }
  BOOST_TEST(slice.used() == 5050u);
  BOOST_TEST(slice.available() == 10000u);
  slice.note_used(10);
  BOOST_TEST(slice.used() == 10u);
  BOOST_TEST(slice.high_water() == 5050u);
  slice.note_used(none);
  BOOST_TEST(slice.used() == 10000u);
  slice.release();
  BOOST_TEST(slice.used() == 0u);
}

BOOST_AUTO_TEST_CASE(only_the_first_block_makes_the_room_of_a_slice_inaccessible) {
  if (!memory_tools::active()) return test::skip("no memory tool watches");
  memory_budget budget(options_for(4096, 4096));
  budget_slice slice = budget.transient("watched", 1024);
  const std::byte* const data = slice.data();
  BOOST_TEST(memory_tools::accessible(data + 1000));
  auto* p = static_cast<std::byte*>(slice.allocate(64));
  std::memset(p, 1, 64);
  BOOST_TEST(memory_tools::accessible(p + 63));
  BOOST_TEST(!memory_tools::accessible(p + 64));
  BOOST_TEST(slice.try_expand(p, 64, 128, 16));
  std::memset(p, 1, 128);
  BOOST_TEST(slice.try_expand(p, 128, 32, 16));
  BOOST_TEST(!memory_tools::accessible(p + 32));
  slice.deallocate(p, 32);
  BOOST_TEST(!memory_tools::accessible(p));
  slice.release();
  BOOST_TEST(memory_tools::accessible(data));
  BOOST_TEST(memory_tools::accessible(data + 1000));
  p = static_cast<std::byte*>(slice.allocate(64));
  budget.clear_transient();
  std::memset(budget.transient("next", 1024).data(), 1, 1024);
  BOOST_TEST(memory_tools::accessible(data + 1000));
}

BOOST_AUTO_TEST_CASE(a_memory_tool_sees_a_write_beyond_the_blocks) {
  if (!memory_tools::active()) return test::skip("no memory tool watches");
  BOOST_TEST(test::run_child("budget_slice_beyond_a_block").says("use-after-poison"));
}

// ---- overflow

BOOST_AUTO_TEST_CASE(what_does_not_fit_reaches_the_handler) {
  overflows heard;
  memory_budget_options options = options_for(4096, 0);
  heard.listen(options);
  memory_budget budget(options);
  budget_slice slice = budget.permanent("world", 100, 16);
  (void)slice.allocate(60, 1);
  BOOST_TEST(refused_with(slice, 50, 8, memory_errc::limit_reached));
  BOOST_TEST(heard.count == 1u);
  BOOST_TEST(heard.budget == "game");
  BOOST_TEST(heard.part == "world");
  BOOST_TEST(heard.bytes == 50u);
  BOOST_TEST(heard.alignment == 8u);
  BOOST_TEST(heard.available == 40u);
  BOOST_TEST(slice.try_allocate(41, 1) == nullptr);
  BOOST_TEST(heard.count == 2u);
  BOOST_TEST(slice.try_allocate(40, 1) != nullptr);
  BOOST_TEST(heard.count == 2u);
  BOOST_TEST(slice.refused() == 2u);
}

BOOST_AUTO_TEST_CASE(the_handlers_answer_counts_and_not_the_option) {
  overflows heard;
  testing::counting_resource fallback;
  memory_budget_options options = options_for(4096, 0);
  options.on_overflow = overflow_action::abort;
  options.fallback = &fallback;
  heard.listen(options);
  memory_budget budget(options);
  budget_slice slice = budget.permanent("world", 100);
  BOOST_CHECK_THROW((void)slice.allocate(101), allocation_error);
  heard.answer = overflow_action::fall_back;
  void* p = slice.allocate(101);
  BOOST_TEST(fallback.live_bytes() == 101u);
  slice.deallocate(p, 101);
}

BOOST_AUTO_TEST_CASE(who_finds_no_room_by_other_ways_reports_it) {
  overflows heard;
  memory_budget_options options = options_for(4096, 4096, true);
  heard.listen(options);
  memory_budget budget(options);
  budget_slice slice = budget.transient("own", 100, 16);
  (void)slice.allocate(70, 1);
  for (const auto answer : {overflow_action::throw_error, overflow_action::fall_back}) {
    heard.answer = answer;
    slice.report_overflow(31, 8);
  }
  BOOST_TEST(heard.count == 2u);
  BOOST_TEST(heard.budget == "game");
  BOOST_TEST(heard.part == "own");
  BOOST_TEST(heard.bytes == 31u);
  BOOST_TEST(heard.alignment == 8u);
  BOOST_TEST(heard.available == 30u);
  BOOST_TEST(slice.refused() == 2u);
  BOOST_TEST(slice.used() == 70u);
  budget.clear_transient();
  slice.report_overflow(31, 8);
  BOOST_TEST(heard.count == 2u);
  BOOST_TEST(slice.refused() == 2u);
}

BOOST_AUTO_TEST_CASE(an_array_that_fills_its_slice_counts_as_refused_and_reaches_the_handler) {
  for (const auto answer : {overflow_action::throw_error, overflow_action::fall_back}) {
    overflows heard;
    heard.answer = answer;
    memory_budget_options options = options_for(1 << 20, 0);
    heard.listen(options);
    memory_budget budget(options);
    budget_slice slice = budget.permanent("array", 4000, 16);
    vlarray<int> array(&slice);
    while (array.size() < 1000) array.push_back(1);
    BOOST_TEST(heard.count == 0u);
    BOOST_CHECK_THROW(array.push_back(2), std::length_error);
    BOOST_TEST(heard.count == 1u);
    BOOST_TEST(heard.part == "array");
    BOOST_TEST(heard.bytes == 8u);
    BOOST_TEST(heard.available == 0u);
    BOOST_TEST(array.try_push_back(2) == nullptr);
    BOOST_CHECK_THROW(array.reserve(2000), std::length_error);
    BOOST_TEST(heard.bytes == 4000u);
    BOOST_TEST(slice.refused() == 3u);
    BOOST_TEST(array.size() == 1000u);

    BOOST_CHECK_THROW(array.reserve(max_object_bytes), std::length_error);  // no request
    vlarray<int> bounded(vlarray_options{&slice, 10});
    array = vlarray<int>(&slice);
    bounded.resize(10);
    BOOST_CHECK_THROW(bounded.push_back(1), std::length_error);  // by a limit of its own
    BOOST_TEST(slice.refused() == 3u);
  }
}

BOOST_AUTO_TEST_CASE(an_array_that_moves_out_of_a_slice_is_refused_where_it_wants_to_go) {
  testing::counting_resource fallback;
  memory_budget budget(falling_back_on(&fallback));
  budget_slice slice = budget.permanent("array", 400, 16);
  vlarray<int> array(vlarray_options{&slice, 0, when_full::move});
  while (array.size() < 101) array.push_back(1);
  BOOST_TEST(fallback.owns(array.data()));
  BOOST_TEST(slice.refused() == 1u);
}

BOOST_AUTO_TEST_CASE(the_most_elements_of_an_array_are_those_its_slice_has_room_for) {
  memory_budget budget(options_for(1 << 20, 1 << 20));
  budget_slice slice = budget.permanent("array", 4000, 16);
  const auto fill = [](auto& array) {
    while (array.try_push_back({}) != nullptr) {
    }
    return array.size();
  };
  vlarray<int> array(&slice);
  BOOST_TEST(array.max_size() == 1000u);
  array.resize(10);
  BOOST_TEST(array.max_size() == 1000u);
  BOOST_TEST(fill(array) == 1000u);
  BOOST_TEST(array.max_size() == 1000u);

  array = vlarray<int>(&slice);
  BOOST_TEST(vlarray<int>(vlarray_options{&slice, 600}).max_size() == 600u);
  BOOST_TEST(vlarray<int>(vlarray_options{&slice, 2000}).max_size() == 1000u);
  BOOST_TEST((vlarray<int>(vlarray_options{&slice, 0, when_full::move}).max_size() > 1000u));
  void* const before = slice.allocate(20, 1);
  BOOST_TEST(vlarray<int>(&slice).max_size() == 994u);
  struct alignas(64) line {
    char text[64];
  };
  vlarray<line> lines(&slice);
  const std::size_t most = lines.max_size();
  BOOST_TEST(most <= 62u);
  BOOST_TEST(fill(lines) == most);
  BOOST_TEST(lines.max_size() == most);
  lines = vlarray<line>(&slice);
  slice.deallocate(before, 20, 1);

  budget_slice large = budget.permanent("large", 1 << 19, 16);
  vlarray<int> first(&large);
  first.resize(10);
  BOOST_TEST(first.max_size() == std::size_t{1} << 17);
  void* const behind = large.allocate(8);
  BOOST_TEST(first.max_size() == first.capacity());
  BOOST_TEST(fill(first) == first.capacity());
  large.deallocate(behind, 8);
  BOOST_TEST(first.max_size() == std::size_t{1} << 17);
  BOOST_TEST(fill(first) == std::size_t{1} << 17);

  budget_slice frame = budget.transient("frame", 4000, 16);
  vlarray<int> gone(&frame);
  gone.resize(10);
  const std::size_t kept = gone.capacity();
  budget.clear_transient();
  BOOST_TEST(gone.max_size() == kept);
}

BOOST_AUTO_TEST_CASE(blocks_of_the_fallback_go_back_there_as_they_came) {
  for (const bool checked : {false, true}) {
    testing::counting_resource fallback;
    memory_budget budget(falling_back_on(&fallback, 4096, checked));
    budget_slice slice = budget.permanent("world", 100, 16);
    void* mine = slice.allocate(100, 1);
    void* a = slice.allocate(0, 1);
    void* b = slice.allocate(200, 64);
    void* c = slice.try_allocate(300, 32);
    BOOST_TEST(fallback.live_blocks() == 3u);
    BOOST_TEST(slice.refused() == 3u);
    BOOST_TEST(slice.used() == 100u);
    BOOST_TEST(!slice.owns(b));
    BOOST_TEST(slice.try_expand(b, 200, 200, 64));
    BOOST_TEST(!slice.try_expand(b, 200, 100, 64));  // it would go back with another size
    slice.deallocate(b, 200, 64);
    slice.deallocate(mine, 100, 1);
    slice.deallocate(a, 0, 1);
    slice.deallocate(c, 300, 32);
    BOOST_TEST(fallback.live_blocks() == 0u);
    BOOST_TEST(fallback.mismatches().empty());
    BOOST_TEST(slice.used() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(blocks_of_the_fallback_go_back_there_from_a_moved_or_stale_slice_too) {
  for (const bool checked : {false, true}) {
    testing::counting_resource fallback;
    memory_budget budget(falling_back_on(&fallback, 4096, checked));
    budget_slice first = budget.transient("frame", 100);
    void* p = first.allocate(101);
    void* q = first.allocate(102);
    budget_slice slice(std::move(first));
    slice.deallocate(p, 101);
    budget.clear_transient();
    slice.deallocate(q, 102);
    BOOST_TEST(fallback.live_blocks() == 0u);
    BOOST_TEST(fallback.mismatches().empty());
  }
}

BOOST_AUTO_TEST_CASE(a_failing_fallbacks_own_exception_comes_through_and_changes_nothing) {
  testing::failing_resource fallback;
  memory_budget budget(falling_back_on(&fallback));
  budget_slice slice = budget.permanent("world", 100);
  const picture before(slice);
  fallback.fail_at(1);
  BOOST_CHECK_THROW((void)slice.allocate(101), testing::injected_failure);
  fallback.fail_at(1);
  BOOST_TEST(slice.try_allocate(101) == nullptr);
  BOOST_TEST((picture(slice) == before));
  const test::misuse_watch watch;
  char elsewhere = 0;
  slice.deallocate(&elsewhere, 101);  // no block of the fallback is live
  BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
}

BOOST_AUTO_TEST_CASE(the_default_resource_at_construction_is_the_default_fallback) {
  testing::counting_resource counting;
  std::pmr::memory_resource* const before = std::pmr::set_default_resource(&counting);
  memory_budget budget(falling_back_on(nullptr));
  std::pmr::set_default_resource(before);
  budget_slice slice = budget.permanent("world", 100);
  void* p = slice.allocate(101);
  BOOST_TEST(counting.live_bytes() == 101u);
  slice.deallocate(p, 101);
}

BOOST_AUTO_TEST_CASE(abort_prints_what_did_not_fit_and_ends_the_program) {
  const auto outcome = test::run_child("budget_overflow_aborts");
  BOOST_TEST(outcome.aborted());
  BOOST_TEST(outcome.says("allot: game, world: no room for 50 bytes aligned to 1, available 40\n"));
  BOOST_TEST(test::run_child("budget_overflow_aborts_try").aborted());
}

// ---- moves and stale handles

BOOST_AUTO_TEST_CASE(a_moved_slice_goes_on_and_the_one_before_is_stale) {
  memory_budget budget(options_for(4096, 0, true));
  budget_slice first = budget.permanent("world", 1000);
  void* p = first.allocate(100);
  (void)first.try_allocate(1001);
  const picture before(first);
  budget_slice second(std::move(first));
  BOOST_TEST((picture(second) == before));
  BOOST_TEST(second.name() == "world");
  BOOST_TEST(second.refused() == 1u);
  second.deallocate(p, 100);
  BOOST_TEST(second.used() == 0u);
  BOOST_TEST(!first.is_current());
  BOOST_TEST(first.data() == nullptr);
  BOOST_TEST(first.size() == 0u);
  BOOST_TEST(first.check());
  const test::misuse_watch watch;
  BOOST_CHECK_THROW((void)first.allocate(1), allocation_error);
  BOOST_TEST(watch.only(misuse_kind::stale_slice));
  budget_slice third(std::move(first));
  BOOST_TEST(!third.is_current());
}

BOOST_AUTO_TEST_CASE(a_stale_slice_hands_nothing_out_and_owns_nothing) {
  for (const bool checked : {false, true}) {
    memory_budget budget(options_for(4096, 4096, checked));
    budget_slice slice = budget.transient("frame", 1000);
    void* p = slice.allocate(100);
    budget.clear_transient();
    budget_slice next = budget.transient("frame", 1000);  // on the same bytes
    void* q = next.allocate(100);
    BOOST_TEST(p == q);
    const picture before(next);
    const test::misuse_watch watch;

    BOOST_TEST(!slice.is_current());
    BOOST_TEST(slice.data() == nullptr);
    BOOST_TEST(slice.size() == 0u);
    BOOST_TEST(slice.used() == 0u);
    BOOST_TEST(slice.high_water() == 100u);
    BOOST_TEST(slice.available() == 0u);
    BOOST_TEST(!slice.owns(p));
    BOOST_TEST((slice.find_block(p).state == block_state::unknown));
    BOOST_TEST(slice.check());
    slice.release();
    slice.note_used(10);
    BOOST_TEST(slice.used() == 0u);
    BOOST_TEST(watch.nothing());

    BOOST_TEST(refused_with(slice, 1, 1, memory_errc::invalid_block));
    BOOST_TEST((checked ? watch.only(misuse_kind::stale_slice) : watch.nothing()));
    BOOST_TEST(slice.try_allocate(1) == nullptr);
    BOOST_TEST((checked ? watch.only(misuse_kind::stale_slice) : watch.nothing()));
    slice.deallocate(p, 100);
    BOOST_TEST((checked ? watch.only(misuse_kind::stale_slice) : watch.nothing()));
    BOOST_TEST(!slice.try_expand(p, 100, 50, 16));
    BOOST_TEST((picture(next) == before));
  }
}

// ---- misuse

BOOST_AUTO_TEST_CASE(misuse_at_deallocate_is_found_and_has_no_effect) {
  memory_budget budget(options_for(1 << 16, 0));
  budget_slice before = budget.permanent("before", 1000);
  budget_slice slice = budget.permanent("slice", 1000);
  budget_slice behind = budget.permanent("behind", 1000);
  auto* a = static_cast<std::byte*>(slice.allocate(100));
  auto* b = static_cast<std::byte*>(slice.allocate(100));
  const picture now(slice);
  const test::misuse_watch watch;
  char elsewhere = 0;
  for (void* p : {static_cast<void*>(&elsewhere), static_cast<void*>(nullptr), static_cast<void*>(before.data()),
                  static_cast<void*>(before.data() + 999), static_cast<void*>(behind.data())}) {
    slice.deallocate(p, 1);
    BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
  }
  slice.deallocate(b, 101);
  BOOST_REQUIRE(watch.count() == 1u);
  BOOST_TEST((watch[0].kind == misuse_kind::wrong_size));
  BOOST_TEST(watch[0].claimed == 101u);
  BOOST_TEST(watch[0].actual == 100u);
  BOOST_TEST(!watch[0].exact);
  watch.forget();
  slice.deallocate(b, none);
  BOOST_TEST(watch.only(misuse_kind::wrong_size));
  slice.deallocate(b + 100, 1);
  BOOST_TEST(watch.only(misuse_kind::double_free));
  BOOST_TEST((picture(slice) == now));
  slice.deallocate(a, 100);
  slice.deallocate(b, 100);
  slice.deallocate(b, 100);
  BOOST_TEST(watch.only(misuse_kind::double_free));
  BOOST_TEST(slice.used() == 0u);
}

BOOST_AUTO_TEST_CASE(a_checked_slice_looks_at_alignments_as_well) {
  memory_budget budget(options_for(4096, 0, true));
  budget_slice slice = budget.permanent("slice", 1000, 64);
  (void)slice.allocate(8, 8);
  void* p = slice.allocate(8, 8);
  const picture now(slice);
  const test::misuse_watch watch;
  slice.deallocate(p, 8, 16);
  BOOST_REQUIRE(watch.count() == 1u);
  BOOST_TEST((watch[0].kind == misuse_kind::wrong_alignment));
  BOOST_TEST(watch[0].claimed == 16u);
  BOOST_TEST(watch[0].actual == 8u);
  watch.forget();
  slice.deallocate(p, 8, 3);
  BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
  BOOST_TEST((picture(slice) == now));
  slice.deallocate(p, 8, 8);
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(an_alignment_that_is_none_is_misuse_and_refused) {
  memory_budget budget(options_for(4096, 0));
  budget_slice slice = budget.permanent("slice", 1000);
  const test::misuse_watch watch;
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}, none}) {
    BOOST_TEST(refused_with(slice, 1, alignment, memory_errc::invalid_alignment));
    BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
    BOOST_TEST(slice.try_allocate(1, alignment) == nullptr);
    BOOST_TEST(watch.nothing());
  }
  BOOST_TEST(slice.refused() == 0u);
}

// ---- fork

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(after_a_fork_both_sides_go_on_with_bytes_of_their_own) {
  memory_budget budget(options_for(1 << 16, 1 << 16));
  budget_slice slice = budget.permanent("world", 1000);
  budget_slice frame = budget.transient("frame", 1000);
  auto* p = static_cast<char*>(slice.allocate(100));
  std::memset(p, 'p', 100);
  const pid_t child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    bool good = p[99] == 'p' && slice.used() == 100;
    std::memset(p, 'c', 100);
    auto* q = static_cast<char*>(slice.allocate(900, 1));
    std::memset(q, 'c', 900);
    good = good && slice.try_allocate(1) == nullptr && slice.refused() == 1;
    budget.clear_transient();
    budget_slice next = budget.transient("frame", 2000);
    good = good && !frame.is_current() && next.allocate(2000, 1) == next.data();
    budget_slice more = budget.permanent("of the child", 1000);
    good = good && more.data() != nullptr && more.try_allocate(1000, 1) != nullptr;
    ::_exit(good ? 0 : 1);
  }
  int status = -1;
  BOOST_TEST(::waitpid(child, &status, 0) == child);
  BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  BOOST_TEST(p[0] == 'p');
  BOOST_TEST(p[99] == 'p');
  BOOST_TEST(slice.used() == 100u);
  BOOST_TEST(slice.refused() == 0u);
  BOOST_TEST(frame.is_current());
}
#endif

BOOST_AUTO_TEST_SUITE_END()
