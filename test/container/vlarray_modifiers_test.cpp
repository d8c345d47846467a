// Appending to, inserting into and erasing from a vlarray, member by member against a std::vector. The list of members
// is in vlarray_interface_test.cpp.

#include <allot/container/vlarray.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "container/elements.hpp"
#include "container/twins.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using test::at_number;
using test::forward_others;
using test::made;
using test::number_of;
using test::numbered;
using test::once_from;
using test::once_to;
using test::others;
using test::value_of;
using test::with_twin;
using test::with_twins;

BOOST_AUTO_TEST_SUITE(vlarray_modifiers)

// ---- appending

BOOST_AUTO_TEST_CASE(appending_one_by_one_leaves_what_a_vectors_leaves) {
  with_twins([](auto& array) {
    using T = value_of<decltype(array)>;
    const T value = made<T>(20);
    array.push_back(value);
    array.push_back(made<T>(21));
    T given = made<T>(22);
    array.push_back(std::move(given));
    auto& last = array.emplace_back(made<T>(23));
    BOOST_TEST((&last == &array.back()));
    array.emplace_back();
    array.pop_back();
    if (array.size() > 4) array.pop_back();
    return given;  // moved from in the same way
  });
}

BOOST_AUTO_TEST_CASE(emplacing_takes_any_arguments_of_a_constructor) {
  with_twin<std::string>(3, [](auto& array) {
    array.emplace_back(std::size_t{5}, 'x');
    array.emplace(array.begin(), "hello", std::size_t{2});
    array.emplace(array.begin() + 2, std::string_view("view"));
    array.emplace(array.end());
  });
  vlarray<std::unique_ptr<int>> owners;
  owners.emplace_back(new int(3));
  owners.emplace(owners.begin(), new int(4));
  BOOST_TEST(*owners[0] + *owners[1] == 7);
}

BOOST_AUTO_TEST_CASE(try_functions_and_unchecked_ones_append_too) {
  with_twins([](auto& twin_or_array) {
    using array_type = std::remove_reference_t<decltype(twin_or_array)>;
    using T = value_of<array_type>;
    const T value = made<T>(31);
    if constexpr (std::is_same_v<array_type, vlarray<T>>) {
      auto& array = twin_or_array;
      const auto last = [&] { return array.data() + array.size() - 1; };
      T* appended = array.try_push_back(value);
      BOOST_TEST(appended == last());
      appended = array.try_push_back(made<T>(32));
      BOOST_TEST(appended == last());
      appended = array.try_emplace_back(made<T>(33));
      BOOST_TEST(appended == last());
      array.reserve(array.size() + 3);
      appended = &array.unchecked_push_back(value);
      BOOST_TEST(appended == last());
      appended = &array.unchecked_push_back(made<T>(34));
      BOOST_TEST(appended == last());
      appended = &array.unchecked_emplace_back(made<T>(35));
      BOOST_TEST(appended == last());
    } else {
      for (const int i : {31, 32, 33, 31, 34, 35}) twin_or_array.push_back(made<T>(i));
    }
  });
}

BOOST_AUTO_TEST_CASE(an_unchecked_append_without_room_is_misuse_and_appends_when_the_handler_returns) {
  const test::misuse_watch watch;
  vlarray<int> array;
  array.unchecked_push_back(1);
  BOOST_TEST(watch.only(misuse_kind::overrun));
  while (array.size() < array.capacity()) array.unchecked_push_back(2);
  BOOST_TEST(watch.nothing());
  const std::size_t full = array.size();
  array.unchecked_emplace_back(3);
  BOOST_TEST(watch.only(misuse_kind::overrun));
  BOOST_TEST(array.size() == full + 1);
  BOOST_TEST(array.back() == 3);
}

BOOST_AUTO_TEST_CASE(append_takes_any_range) {
  with_twins([](auto& twin_or_array) {
    using array_type = std::remove_reference_t<decltype(twin_or_array)>;
    using T = value_of<array_type>;
    const auto list = others<std::list, T>(7);
    const auto forward = forward_others<T>(4);
    const std::array<T, 2> fixed{made<T>(1), made<T>(2)};
    const T plain[] = {made<T>(3), made<T>(4)};
    auto several = others<std::deque, T>(3);
    if constexpr (std::is_same_v<array_type, vlarray<T>>) {
      auto& array = twin_or_array;
      array.append(list);
      array.append(forward);
      array.append(fixed);
      array.append(plain);
      array.append(several);
      array.append(others<std::vector, T>(3));
      array.append({made<T>(5), made<T>(6)});
      array.append(std::list<T>());
      BOOST_TEST((several == others<std::deque, T>(3)));
    } else {
      auto& twin = twin_or_array;
      twin.insert(twin.end(), list.begin(), list.end());
      twin.insert(twin.end(), forward.begin(), forward.end());
      twin.insert(twin.end(), fixed.begin(), fixed.end());
      twin.insert(twin.end(), std::begin(plain), std::end(plain));
      twin.insert(twin.end(), several.begin(), several.end());
      twin.insert(twin.end(), several.begin(), several.end());
      twin.insert(twin.end(), {made<T>(5), made<T>(6)});
    }
  });
}

BOOST_AUTO_TEST_CASE(an_array_can_be_appended_to_itself) {
  with_twins([](auto& twin_or_array) {
    using array_type = std::remove_reference_t<decltype(twin_or_array)>;
    for (int round = 0; round < 3; ++round) {
      if constexpr (std::is_same_v<array_type, vlarray<value_of<array_type>>>) {
        twin_or_array.append(twin_or_array);
      } else {
        const array_type copy = twin_or_array;
        twin_or_array.insert(twin_or_array.end(), copy.begin(), copy.end());
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(uninitialized_elements_are_the_callers_to_write) {
  vlarray<int> array{1, 2};
  int* const first = array.append_uninitialized(1000);
  BOOST_TEST(first == array.data() + 2);
  BOOST_TEST(array.size() == 1002u);
  for (int i = 0; i < 1000; ++i) first[i] = i;
  BOOST_TEST(array[1] == 2);
  BOOST_TEST(array.back() == 999);
  BOOST_TEST(array.append_uninitialized(0) == array.end());
  BOOST_TEST(array.size() == 1002u);
  vlarray<int> none;
  (void)none.append_uninitialized(0);
  BOOST_TEST(none.empty());
}

// ---- inserting and erasing

BOOST_AUTO_TEST_CASE(inserting_one_leaves_what_a_vectors_leaves) {
  for (const std::size_t where : {0u, 1u, 2u}) {  // at the start, in the middle, at the end
    with_twins([&](auto& array) {
      using T = value_of<decltype(array)>;
      const auto place = [&] { return at_number(array, array.size() * where / 2); };
      const T value = made<T>(40);
      const auto first = number_of(array, array.insert(place(), value));
      const auto second = number_of(array, array.insert(place(), made<T>(41)));
      T given = made<T>(42);
      const auto third = number_of(array, array.insert(place(), std::move(given)));
      const auto fourth = number_of(array, array.emplace(place(), made<T>(43)));
      typename std::remove_reference_t<decltype(array)>::const_iterator constant = place();
      const auto fifth = number_of(array, array.emplace(constant));
      return std::vector<std::ptrdiff_t>{first, second, third, fourth, fifth};
    });
  }
}

BOOST_AUTO_TEST_CASE(inserting_many_leaves_what_a_vectors_leaves) {
  for (const std::size_t where : {0u, 1u, 2u}) {
    for (const int count : {0, 1, 2, 3, 150, 400}) {
      with_twins([&](auto& array) {
        using T = value_of<decltype(array)>;
        const auto place = [&] { return at_number(array, array.size() * where / 2); };
        const auto list = others<std::list, T>(count);
        const auto forward = forward_others<T>(count);
        const auto vector = others<std::vector, T>(count);
        std::vector<std::ptrdiff_t> returned;
        returned.push_back(number_of(array, array.insert(place(), static_cast<std::size_t>(count), made<T>(44))));
        returned.push_back(number_of(array, array.insert(place(), list.begin(), list.end())));
        returned.push_back(number_of(array, array.insert(place(), forward.begin(), forward.end())));
        returned.push_back(number_of(array, array.insert(place(), vector.data(), vector.data() + count)));
        returned.push_back(number_of(array, array.insert(place(), once_from(list), once_to(list))));
        returned.push_back(number_of(array, array.insert(place(), {made<T>(45), made<T>(46), made<T>(47)})));
        return returned;
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(an_own_element_can_be_inserted_anywhere) {
  for (const std::size_t where : {0u, 1u, 2u}) {
    for (const std::size_t from : {0u, 1u, 2u}) {
      with_twins(
          [&](auto& array) {
            const auto place = [&] { return at_number(array, array.size() * where / 2); };
            const auto own = [&]() -> auto& { return array[(array.size() - 1) * from / 2]; };
            array.insert(place(), own());
            array.emplace(place(), own());
            array.insert(place(), 3, own());
            array.push_back(own());
            array.emplace_back(own());
            array.resize(array.size() + 5, own());
            auto moved = own();
            array.insert(place(), std::move(moved));
          },
          {1, 2, 5, 300});
    }
  }
}

BOOST_AUTO_TEST_CASE(erasing_leaves_what_a_vectors_leaves) {
  with_twins(
      [](auto& array) {
        std::vector<std::ptrdiff_t> returned;
        returned.push_back(number_of(array, array.erase(at_number(array, array.size() / 2))));
        returned.push_back(number_of(array, array.erase(array.cbegin())));
        returned.push_back(number_of(array, array.erase(array.end() - 1)));
        returned.push_back(number_of(array, array.erase(array.begin(), array.begin())));
        returned.push_back(number_of(array, array.erase(array.end(), array.end())));
        returned.push_back(number_of(array, array.erase(at_number(array, array.size() / 2), array.cend())));
        returned.push_back(number_of(array, array.erase(array.cbegin(), at_number(array, array.size() / 3))));
        return returned;
      },
      {3, 4, 5, 300});
  with_twins([](auto& array) { array.erase(array.begin(), array.end()); });
  with_twins([](auto& array) { array.clear(); });
}

BOOST_AUTO_TEST_CASE(erasing_by_value_and_by_predicate_says_how_many) {
  const test::element_watch watch;
  vlarray<int> numbers{1, 2, 3, 2, 2, 4};
  BOOST_TEST(erase(numbers, 2) == 3u);
  BOOST_TEST((numbers == vlarray<int>{1, 3, 4}));
  BOOST_TEST(erase(numbers, 2L) == 0u);
  BOOST_TEST(erase_if(numbers, [](int i) { return i > 2; }) == 2u);
  BOOST_TEST((numbers == vlarray<int>{1}));
  BOOST_TEST(erase_if(numbers, [](int) { return true; }) == 1u);
  BOOST_TEST(erase(numbers, 1) == 0u);
  vlarray<std::string> texts{"a", "b", "a"};
  BOOST_TEST(erase(texts, "a") == 2u);
  BOOST_TEST((texts == vlarray<std::string>{"b"}));
  auto elements = numbered<vlarray<test::only_moved>>(10);
  BOOST_TEST(erase_if(elements, [](const auto& e) { return e.value() % 2 == 0; }) == 5u);
  BOOST_TEST(elements[4].value() == 9);
  elements.clear();
  BOOST_TEST(watch.none_left());
}

BOOST_AUTO_TEST_SUITE_END()
