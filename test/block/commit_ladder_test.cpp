#include <algorithm>
#include <allot/block/commit_ladder.hpp>
#include <allot/core/byte_size.hpp>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <vector>

using namespace allot;
using namespace allot::literals;

namespace {

constexpr std::size_t page = 4_KiB;
constexpr std::size_t max = std::numeric_limits<std::size_t>::max();
constexpr commit_ladder small{page};
constexpr commit_ladder huge{page, true};

/// What is committed, step by step, while a reservation fills byte by byte.
std::vector<std::size_t> steps(const commit_ladder& ladder, std::size_t count, std::size_t reserved = 1_GiB) {
  std::vector<std::size_t> all{0};
  while (all.size() <= count) all.push_back(ladder.target(all.back(), all.back() + 1, reserved));
  all.erase(all.begin());
  return all;
}

std::vector<commit_ladder> every_ladder() {
  std::vector<commit_ladder> all;
  for (const std::size_t unit : {page, 3 * page, std::size_t{64_KiB}})
    for (const bool huge_pages : {false, true})
      for (const commit_policy policy : {commit_policy::ladder, commit_policy::fixed_step, commit_policy::doubling})
        for (const std::size_t step : {std::size_t{0}, std::size_t{1}, std::size_t{100000}, std::size_t{2_MiB}, max})
          all.push_back({unit, huge_pages, policy, step});
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(commit_ladders)

BOOST_AUTO_TEST_CASE(small_pages_double_from_64_kib_to_256_and_go_on_by_256) {
  BOOST_TEST((steps(small, 6) == std::vector<std::size_t>{64_KiB, 128_KiB, 256_KiB, 512_KiB, 768_KiB, 1_MiB}));
  BOOST_TEST(small.target(100_MiB, 100_MiB + 1, 1_GiB) == 100_MiB + 256_KiB);
}

BOOST_AUTO_TEST_CASE(huge_pages_double_from_64_kib_to_2_mib_and_grow_by_half_in_whole_huge_pages) {
  BOOST_TEST((steps(huge, 14) == std::vector<std::size_t>{64_KiB, 128_KiB, 256_KiB, 512_KiB, 1_MiB, 2_MiB, 4_MiB, 6_MiB,
                                                          10_MiB, 16_MiB, 24_MiB, 36_MiB, 54_MiB, 82_MiB}));
  for (std::size_t at = 2_MiB; at < 900_MiB; at += 2_MiB) BOOST_REQUIRE(huge.target(at, at + 1, 1_GiB) % 2_MiB == 0u);
  BOOST_TEST(huge.target(128_MiB, 128_MiB + 1, 1_GiB) == 192_MiB);
  BOOST_TEST(huge.target(512_MiB, 512_MiB + 1, 1_GiB) == 576_MiB);  // no step is larger than 64 MiB
}

BOOST_AUTO_TEST_CASE(a_request_beyond_the_next_step_is_met_and_rounded_to_a_step) {
  BOOST_TEST(small.target(0, 65_KiB, 1_GiB) == 68_KiB);
  BOOST_TEST(small.target(0, 300_KiB, 1_GiB) == 512_KiB);
  BOOST_TEST(huge.target(0, 300_KiB, 1_GiB) == 300_KiB);
  BOOST_TEST(huge.target(0, 2_MiB + 1, 1_GiB) == 4_MiB);
  BOOST_TEST(huge.target(3_MiB, 3_MiB + 1, 1_GiB) == 6_MiB);  // back on whole huge pages
}

BOOST_AUTO_TEST_CASE(a_fixed_step_commits_multiples_of_it_and_no_more) {
  const commit_ladder ladder{page, true, commit_policy::fixed_step, 1_MiB};
  BOOST_TEST((steps(ladder, 4) == std::vector<std::size_t>{1_MiB, 2_MiB, 3_MiB, 4_MiB}));
  BOOST_TEST(ladder.target(1_MiB, 5_MiB, 1_GiB) == 5_MiB);
  const commit_ladder odd{page, false, commit_policy::fixed_step, 10000};
  BOOST_TEST((steps(odd, 3) == std::vector<std::size_t>{12_KiB, 20_KiB, 32_KiB}));  // 1, 2, 3 times 10000, in pages
  const commit_ladder none{page, false, commit_policy::fixed_step, 0};
  BOOST_TEST((steps(none, 3) == std::vector<std::size_t>{4_KiB, 8_KiB, 12_KiB}));
}

BOOST_AUTO_TEST_CASE(doubling_doubles_what_there_is) {
  const commit_ladder ladder{page, true, commit_policy::doubling};
  BOOST_TEST((steps(ladder, 5) == std::vector<std::size_t>{64_KiB, 128_KiB, 256_KiB, 512_KiB, 1_MiB}));
  BOOST_TEST(ladder.target(256_MiB, 256_MiB + 1, 1_GiB) == 512_MiB);
  BOOST_TEST(ladder.target(64_KiB, 1_MiB + 1, 1_GiB) == 1_MiB + page);
}

BOOST_AUTO_TEST_CASE(every_target_covers_the_need_in_whole_pages_within_the_reservation) {
  for (const commit_ladder& ladder : every_ladder()) {
    for (std::size_t committed : {std::size_t{0}, page, std::size_t{64_KiB}, std::size_t{2_MiB}, std::size_t{38_MiB}}) {
      committed = committed / ladder.page_size * ladder.page_size;
      for (const std::size_t more :
           {std::size_t{1}, page, std::size_t{70_KiB}, std::size_t{2_MiB}, std::size_t{33_MiB}}) {
        for (const std::size_t spare : {std::size_t{0}, page, std::size_t{1_GiB}}) {
          const std::size_t needed = committed + more;
          const std::size_t reserved = (needed + spare + ladder.page_size - 1) / ladder.page_size * ladder.page_size;
          const std::size_t target = ladder.target(committed, needed, reserved);
          BOOST_REQUIRE(target >= needed);
          BOOST_REQUIRE(target <= reserved);
          BOOST_REQUIRE(target % ladder.page_size == 0u);
          BOOST_REQUIRE(target > committed);
          const std::size_t least = ladder.least(needed, reserved);
          BOOST_REQUIRE(least >= needed);
          BOOST_REQUIRE(least - needed < ladder.page_size);
          BOOST_REQUIRE(least <= target);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(numbers_at_the_end_of_the_range_do_not_wrap) {
  for (const commit_ladder& ladder : every_ladder()) {
    const std::size_t reserved = max_object_bytes / ladder.page_size * ladder.page_size;
    for (const std::size_t below : {std::size_t{1}, page, std::size_t{3_MiB}}) {
      BOOST_TEST(ladder.target(reserved - ladder.page_size, reserved - below, reserved) >= reserved - below);
      BOOST_TEST(ladder.target(reserved - ladder.page_size, reserved - below, reserved) <= reserved);
      BOOST_TEST(ladder.least(reserved - below, reserved) >= reserved - below);
      BOOST_TEST(ladder.least(reserved - below, reserved) <= reserved);
      BOOST_TEST(ladder.kept(reserved - below, reserved) >= reserved - below);
      BOOST_TEST(ladder.kept(max, reserved) == reserved);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_kept_splits_no_huge_page) {
  BOOST_TEST(huge.kept(2_MiB + 1, 1_GiB) == 4_MiB);
  BOOST_TEST(huge.kept(4_MiB, 1_GiB) == 4_MiB);
  BOOST_TEST(huge.kept(2_MiB, 1_GiB) == 2_MiB);
  BOOST_TEST(huge.kept(100, 1_GiB) == page);  // up to the first 2 MiB small pages are as good
  BOOST_TEST(huge.kept(0, 1_GiB) == 0u);
  BOOST_TEST(huge.kept(3_MiB, 3_MiB) == 3_MiB);
  BOOST_TEST(small.kept(2_MiB + 1, 1_GiB) == 2_MiB + page);
}

BOOST_AUTO_TEST_CASE(only_the_steps_of_small_pages_are_had_at_once) {
  BOOST_TEST(small.populates(256_KiB));
  BOOST_TEST(!small.populates(64_KiB));
  BOOST_TEST(!small.populates(512_KiB));
  BOOST_TEST(!huge.populates(256_KiB));
  BOOST_TEST((!commit_ladder{page, false, commit_policy::fixed_step, 256_KiB}.populates(256_KiB)));
  BOOST_TEST((!commit_ladder{page, false, commit_policy::doubling}.populates(256_KiB)));
}

BOOST_AUTO_TEST_SUITE_END()
