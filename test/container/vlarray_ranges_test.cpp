// A vlarray among the ranges of range-v3.

#include <allot/container/vlarray.hpp>
#include <boost/test/unit_test.hpp>
#include <iterator>
#include <list>
#include <range/v3/action/concepts.hpp>
#include <range/v3/action/drop.hpp>
#include <range/v3/action/erase.hpp>
#include <range/v3/action/insert.hpp>
#include <range/v3/action/push_back.hpp>
#include <range/v3/action/sort.hpp>
#include <range/v3/action/unique.hpp>
#include <range/v3/algorithm/equal.hpp>
#include <range/v3/algorithm/sort.hpp>
#include <range/v3/numeric/accumulate.hpp>
#include <range/v3/range/concepts.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/filter.hpp>
#include <range/v3/view/iota.hpp>
#include <range/v3/view/istream.hpp>
#include <range/v3/view/reverse.hpp>
#include <range/v3/view/span.hpp>
#include <range/v3/view/take_while.hpp>
#include <range/v3/view/transform.hpp>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

using namespace allot;
namespace views = ranges::views;
namespace actions = ranges::actions;

namespace {

using numbers = vlarray<int>;

template <class Array>
constexpr bool is_range_like_a_vector =
    ranges::random_access_range<Array>&& ranges::contiguous_range<Array>&& ranges::sized_range<Array>&&
        ranges::common_range<Array>&& ranges::random_access_range<const Array>&& ranges::contiguous_range<const Array>&&
            ranges::output_range<Array, const ranges::range_value_t<Array>&> &&
    !ranges::view_<Array>;
static_assert(is_range_like_a_vector<numbers> && is_range_like_a_vector<vlarray<std::string>> &&
              is_range_like_a_vector<vlarray<bool>>);
static_assert(ranges::container<numbers> && ranges::lvalue_container_like<numbers&>);
static_assert(ranges::reservable<numbers> && ranges::reservable_with_assign<numbers, const int*> &&
              ranges::reservable_with_assign<numbers, std::list<int>::iterator>);
static_assert(ranges::semiregular<numbers> && ranges::totally_ordered<numbers>);
static_assert(std::is_same_v<ranges::range_value_t<numbers>, int> &&
              std::is_same_v<ranges::range_reference_t<const numbers>, const int&> &&
              std::is_same_v<ranges::range_difference_t<numbers>, std::ptrdiff_t>);

}  // namespace

BOOST_AUTO_TEST_SUITE(vlarray_ranges)

BOOST_AUTO_TEST_CASE(a_range_is_converted_to_an_array) {
  const auto squares = views::iota(0, 10) | views::transform([](int i) { return i * i; });
  const auto named = squares | ranges::to<vlarray<int>>();
  const auto deduced = squares | ranges::to<vlarray>();
  static_assert(std::is_same_v<decltype(deduced), const numbers>);
  BOOST_TEST((named == numbers{0, 1, 4, 9, 16, 25, 36, 49, 64, 81}));
  BOOST_TEST((deduced == named));
  const auto wider = squares | ranges::to<vlarray<long>>();
  BOOST_TEST(wider[9] == 81);
  const auto odd = views::iota(0, 8) | views::filter([](int i) { return i % 2 == 1; }) | ranges::to<vlarray>();
  BOOST_TEST((odd == numbers{1, 3, 5, 7}));
  const auto few = views::iota(0) | views::take_while([](int i) { return i < 3; }) | ranges::to<vlarray>();
  BOOST_TEST((few == numbers{0, 1, 2}));
  std::istringstream text("5 6 7");
  BOOST_TEST(((ranges::istream<int>(text) | ranges::to<vlarray>()) == numbers{5, 6, 7}));
  const auto nested =
      views::iota(1, 4) | views::transform([](int n) { return views::iota(0, n); }) | ranges::to<vlarray<numbers>>();
  BOOST_TEST(nested.size() == 3u);
  BOOST_TEST((nested[2] == numbers{0, 1, 2}));
  const auto back = named | ranges::to<std::vector>();
  BOOST_TEST(back.size() == 10u);
}

BOOST_AUTO_TEST_CASE(actions_change_an_array) {
  numbers array{3, 1, 2, 3, 1};
  array |= actions::sort | actions::unique | actions::push_back(9);
  BOOST_TEST((array == numbers{1, 2, 3, 9}));
  const numbers moved = std::move(array) | actions::push_back({1, 9}) | actions::sort | actions::unique;
  BOOST_TEST((moved == numbers{1, 2, 3, 9}));
  numbers other{5, 6};
  ranges::insert(other, other.begin(), 4);
  ranges::insert(other, other.end(), views::iota(7, 9));
  ranges::push_back(other, std::list<int>{9, 10});
  BOOST_TEST(ranges::equal(other, views::iota(4, 11)));
  ranges::erase(other, other.begin(), other.begin() + 1);
  other |= actions::drop(1);
  BOOST_TEST(ranges::equal(other, views::iota(6, 11)));
}

BOOST_AUTO_TEST_CASE(views_and_algorithms_go_over_an_array) {
  numbers array{4, 2, 8, 6};
  ranges::sort(array);
  BOOST_TEST(ranges::accumulate(array, 0) == 20);
  BOOST_TEST(((array | views::reverse | ranges::to<vlarray>()) == numbers{8, 6, 4, 2}));
  const ranges::span<int> window(array);
  window[0] = 1;
  BOOST_TEST(array[0] == 1);
  BOOST_TEST(window.data() == array.data());
}

BOOST_AUTO_TEST_CASE(append_takes_the_ranges_of_range_v3) {
  numbers array{1};
  array.append(views::iota(2, 5));
  array.append(array | views::filter([](int i) { return i % 2 == 0; }) | ranges::to<std::vector>());
  array.append(views::iota(0) | views::take_while([](int i) { return i < 3; }));
  const std::vector<int> source{7, 8};
  array.append(source | views::transform([](int i) { return i * 10; }));
  auto lazily = source | views::filter([](int i) { return i > 7; });  // cannot be gone over when const
  array.append(lazily);
  std::istringstream text("5 6");
  array.append(ranges::istream<int>(text));
  BOOST_TEST((array == numbers{1, 2, 3, 4, 2, 4, 0, 1, 2, 70, 80, 8, 5, 6}));
}

BOOST_AUTO_TEST_SUITE_END()
