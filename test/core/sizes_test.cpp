#include <allot/core/bits.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/size_classes.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <limits>

using namespace allot;

namespace {
constexpr std::size_t max = std::numeric_limits<std::size_t>::max();
}

BOOST_AUTO_TEST_SUITE(sizes)

BOOST_AUTO_TEST_CASE(a_sum_that_does_not_fit_is_refused_and_leaves_the_result_alone) {
  std::size_t result = 7;
  BOOST_TEST(!checked_add(max, 1, result));
  BOOST_TEST(!checked_add(max / 2 + 1, max / 2 + 1, result));
  BOOST_TEST(result == 7u);
  BOOST_TEST(checked_add(max - 1, 1, result));
  BOOST_TEST(result == max);
}

BOOST_AUTO_TEST_CASE(a_product_that_does_not_fit_is_refused_and_leaves_the_result_alone) {
  std::size_t result = 7;
  BOOST_TEST(!checked_multiply(max / 2 + 1, 2, result));
  BOOST_TEST(result == 7u);
  BOOST_TEST(checked_multiply(max, 1, result));
  BOOST_TEST(result == max);
  BOOST_TEST(checked_multiply(max, 0, result));
  BOOST_TEST(result == 0u);
}

BOOST_AUTO_TEST_CASE(rounding_up_never_wraps) {
  std::size_t result = 7;
  BOOST_TEST(!checked_align_up(max, 16, result));
  BOOST_TEST(!checked_align_up(max - 14, 16, result));
  BOOST_TEST(result == 7u);
  BOOST_TEST(checked_align_up(max - 15, 16, result));
  BOOST_TEST(result == max - 15);
  BOOST_TEST(align_up(0, 64) == 0u);
  BOOST_TEST(align_up(1, 64) == 64u);
  BOOST_TEST(align_down(127, 64) == 64u);
}

BOOST_AUTO_TEST_CASE(padding_reaches_the_next_multiple_and_is_never_a_whole_one) {
  BOOST_TEST(padding_for(0, 16) == 0u);
  BOOST_TEST(padding_for(1, 16) == 15u);
  BOOST_TEST(padding_for(16, 16) == 0u);
  BOOST_TEST(padding_for(17, 1) == 0u);
}

BOOST_AUTO_TEST_CASE(a_range_contains_what_lies_wholly_inside_and_huge_sizes_do_not_wrap) {
  char bytes[64];
  BOOST_TEST(range_contains(bytes, 64, bytes, 64));
  BOOST_TEST(range_contains(bytes, 64, bytes + 64, 0));
  BOOST_TEST(!range_contains(bytes, 64, bytes + 1, 64));
  BOOST_TEST(!range_contains(bytes, 64, bytes + 1, max));
  BOOST_TEST(!range_contains(bytes + 1, 63, bytes, 1));
}

BOOST_AUTO_TEST_CASE(every_size_gets_the_smallest_class_that_holds_it) {
  for (std::size_t bytes = 0; bytes <= size_classes::largest; ++bytes) {
    const std::size_t index = size_classes::index_of(bytes);
    BOOST_REQUIRE(index < size_classes::count);
    BOOST_REQUIRE(size_classes::block_bytes(index) >= bytes);
    if (index != 0) BOOST_REQUIRE(size_classes::block_bytes(index - 1) < bytes);
  }
  BOOST_TEST(size_classes::index_of(size_classes::largest + 1) == size_classes::count);
}

BOOST_AUTO_TEST_CASE(classes_waste_at_most_what_the_documentation_says) {
  BOOST_TEST(size_classes::block_bytes(0) == 16u);
  BOOST_TEST(size_classes::block_bytes(size_classes::count - 1) == size_classes::largest);
  for (std::size_t index = 1; index < size_classes::count; ++index) {
    const std::size_t block = size_classes::block_bytes(index);
    const std::size_t smallest_request = size_classes::block_bytes(index - 1) + 1;
    BOOST_TEST(block > size_classes::block_bytes(index - 1));
    const std::size_t waste = block - smallest_request;
    BOOST_TEST((waste <= 7 || waste * 5 <= block), block << " bytes for " << smallest_request);
  }
}

BOOST_AUTO_TEST_CASE(a_product_of_words_is_folded_from_both_halves) {
  constexpr std::uint64_t all = ~std::uint64_t{0};
  BOOST_TEST(folded_product(3, 5) == 15u);
  BOOST_TEST(folded_product(0, all) == 0u);
  BOOST_TEST(folded_product(all, all) == (std::uint64_t{1} ^ (all - 1)));
  BOOST_TEST(folded_product(std::uint64_t{1} << 32, std::uint64_t{1} << 32) == 1u);
  BOOST_TEST(folded_product(std::uint64_t{1} << 63, 6) == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
