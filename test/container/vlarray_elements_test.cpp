// What can be an element of a vlarray.

#include <allot/container/vlarray.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory_resource>
#include <mutex>
#include <utility>
#include <vector>

#include "container/elements.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"

using namespace allot;
using test::element;
using test::numbered;
using test::same;

BOOST_AUTO_TEST_SUITE(vlarray_elements)

BOOST_AUTO_TEST_CASE(bool_is_an_element_like_others) {
  vlarray<bool> flags(3, true);
  bool* const first = flags.data();
  bool& second = flags[1];
  second = false;
  flags.push_back(flags[1]);
  BOOST_TEST(first[0]);
  BOOST_TEST(!flags[3]);
}

BOOST_AUTO_TEST_CASE(elements_that_can_only_be_moved_can_do_all_that_needs_no_copy) {
  const test::element_watch watch;
  {
    auto array = numbered<vlarray<test::only_moved>>(5);
    array.emplace(array.begin() + 2, 77);
    array.insert(array.begin(), test::only_moved(78));
    array.erase(array.begin() + 1);
    array.resize(10);
    array.reserve(50'000);
    vlarray<test::only_moved> other(std::move(array));
    array = std::move(other);
    std::vector<test::only_moved> source(3);
    array.insert(array.begin() + 1, std::make_move_iterator(source.begin()), std::make_move_iterator(source.end()));
    array.assign(std::make_move_iterator(source.begin()), std::make_move_iterator(source.end()));
    BOOST_TEST(array.size() == 3u);
    array.shrink_to_fit();
    swap(array, other);
    BOOST_TEST(other.try_push_back(test::only_moved(5)) != nullptr);
  }
  BOOST_TEST(watch.none_left());
}

BOOST_AUTO_TEST_CASE(elements_that_cannot_be_moved_can_be_appended_and_taken_away) {
  const test::element_watch watch;
  {
    vlarray<test::pinned> array;
    for (int i = 0; i < 10'000; ++i) BOOST_TEST_REQUIRE(array.emplace_back(i).value() == i);
    array.resize(20'000);
    array.reserve(30'000);
    BOOST_TEST(array.try_emplace_back(5)->value() == 5);
    array.pop_back();
    array.resize(100);
    array.shrink_to_fit();
    BOOST_TEST(array[99].value() == 99);
    vlarray<test::pinned> other(std::move(array));
    array = std::move(other);
    other = vlarray<test::pinned>(7);
    swap(array, other);
    BOOST_TEST(other.size() == 100u);
    BOOST_TEST(other[99].value() == 99);
    other.clear();
  }
  BOOST_TEST(watch.none_left());

  vlarray<std::mutex> locks(3);
  locks.emplace_back();
  for (std::mutex& lock : locks) lock.lock();
  locks.resize(10'000);
  BOOST_TEST(!locks[3].try_lock());
  for (std::size_t i = 0; i < 4; ++i) locks[i].unlock();
}

template <class T>
void lies_aligned() {
  for (const bool on_a_resource : {false, true}) {
    vlarray_options options;
    options.max_elements = 50;
    if (on_a_resource) options.storage = std::pmr::new_delete_resource();
    vlarray<T> array(options);
    std::vector<T> twin;
    for (int i = 0; i < 20; ++i) {
      array.emplace_back().text[0] = static_cast<char>(i);
      BOOST_TEST((reinterpret_cast<std::uintptr_t>(&array.back()) % alignof(T) == 0));
    }
    array.insert(array.begin() + 3, array[7]);
    array.erase(array.begin());
    BOOST_TEST(array[2].text[0] == 7);
    BOOST_TEST(array.back().text[0] == 19);
  }
}

BOOST_AUTO_TEST_CASE(elements_lie_as_their_types_must) {
  struct alignas(16) sixteen {
    char text[5];
  };
  struct alignas(128) cache_lines {
    char text[129];
  };
  struct alignas(8192) pages {
    char text[1];
  };
  struct odd {
    char text[3];
  };
  struct large {
    char text[100'000];
  };
  lies_aligned<sixteen>();
  lies_aligned<cache_lines>();
  lies_aligned<pages>();
  lies_aligned<odd>();
  lies_aligned<large>();
}

BOOST_AUTO_TEST_CASE(empty_types_and_bytes_are_elements) {
  struct nothing {};
  vlarray<nothing> many(100'000);
  many.push_back({});
  many.insert(many.begin(), nothing());
  many.erase(many.begin() + 5, many.begin() + 10);
  BOOST_TEST(many.size() == 99'997u);
  BOOST_TEST(many.end() - many.begin() == 99'997);
  vlarray<std::byte> bytes(5, std::byte{3});
  bytes.append_uninitialized(1)[0] = std::byte{4};
  BOOST_TEST((bytes[5] == std::byte{4}));
  BOOST_TEST((bytes[4] == std::byte{3}));
}

BOOST_AUTO_TEST_CASE(types_with_operators_of_their_own_are_elements) {
  struct evasive {
    int value = 0;
    evasive* operator&() = delete;
    const evasive* operator&() const = delete;
    void operator,(int) const = delete;
  };
  std::vector<evasive> twin(3);
  vlarray<evasive> array(3);
  array.push_back(evasive{5});
  array.insert(array.begin(), array[3]);
  array.insert(array.begin() + 1, 2, array[3]);
  array.insert(array.begin(), twin.begin(), twin.end());
  array.append(array);
  array.resize(100, array[0]);
  array.assign(3, array[0]);
  array.assign(twin.begin(), twin.end());
  array.erase(array.begin());
  array = vlarray<evasive>(array);
  BOOST_TEST(array.size() == 2u);
}

namespace {

/// An iterator that takes part in no comma expression.
template <class Category>
struct uncomma {
  using iterator_category = Category;
  using value_type = int;
  using difference_type = std::ptrdiff_t;
  using pointer = const int*;
  using reference = const int&;

  reference operator*() const { return *at; }
  uncomma& operator++() {
    ++at;
    return *this;
  }
  uncomma operator++(int) { return {at++}; }
  friend bool operator==(const uncomma& a, const uncomma& b) { return a.at == b.at; }
  friend bool operator!=(const uncomma& a, const uncomma& b) { return a.at != b.at; }
  template <class Other>
  void operator,(const Other&) const = delete;

  pointer at;
};
template <class Other, class Category>
void operator,(const Other&, const uncomma<Category>&) = delete;

template <class Category>
void takes_iterators_without_a_comma() {
  const std::array<int, 3> values{1, 2, 3};
  const uncomma<Category> first{values.data()};
  const uncomma<Category> last{values.data() + values.size()};
  vlarray<int> array(first, last);
  array.assign(first, last);
  array.insert(array.begin() + 1, first, last);
  BOOST_TEST((array == vlarray<int>{1, 1, 2, 3, 2, 3}));
}

}  // namespace

BOOST_AUTO_TEST_CASE(iterators_with_a_comma_of_their_own_are_iterators) {
  takes_iterators_without_a_comma<std::forward_iterator_tag>();
  takes_iterators_without_a_comma<std::input_iterator_tag>();
}

BOOST_AUTO_TEST_CASE(pointers_to_what_converts_to_elements_are_iterators) {
  struct base {
    int value;
  };
  struct derived : base {};
  const derived more[]{{{1}}, {{2}}};
  vlarray<base> array(std::begin(more), std::end(more));
  array.append(more);
  array.insert(array.begin(), std::begin(more), std::end(more));
  array.assign(std::begin(more), std::end(more));
  BOOST_TEST(array.size() == 2u);
  BOOST_TEST(array[1].value == 2);
}

BOOST_AUTO_TEST_CASE(elements_that_can_be_constructed_but_not_assigned_can_be_appended) {
  struct constant {
    explicit constant(int v) : value(v) {}
    const int value;
  };
  vlarray<constant> array;
  for (int i = 0; i < 100; ++i) array.emplace_back(i);
  array.push_back(constant(5));
  array.append(vlarray<constant>(3, constant(6)));
  array.resize(50, constant(0));
  array.pop_back();
  const vlarray<constant> copy = array;
  const vlarray<constant> moved = std::move(array);
  BOOST_TEST(copy.back().value == 48);
  BOOST_TEST(moved.size() == 49u);
}

BOOST_AUTO_TEST_CASE(arrays_can_be_elements_of_arrays) {
  if (test::addresses_run_out()) return test::skip(test::addresses_are_few);
  const test::element_watch watch;
  {
    vlarray<vlarray<element>> rows;
    std::vector<std::vector<element>> twin;
    for (int i = 0; i < 50; ++i) {
      rows.emplace_back(numbered<vlarray<element>>(static_cast<std::size_t>(i)));
      twin.push_back(numbered<std::vector<element>>(static_cast<std::size_t>(i)));
    }
    const element* const inside = rows[30].data();
    rows.erase(rows.begin() + 7);
    rows.insert(rows.begin(), rows[5]);
    twin.erase(twin.begin() + 7);
    twin.insert(twin.begin(), twin[5]);
    BOOST_TEST(rows[30].data() == inside);  // rows are moved, not copied
    const vlarray<vlarray<element>> copy = rows;
    rows.clear();
    BOOST_TEST(
        std::equal(copy.begin(), copy.end(), twin.begin(), twin.end(), [](auto& a, auto& b) { return same(a, b); }));
  }
  BOOST_TEST(watch.none_left());
}

BOOST_AUTO_TEST_SUITE_END()
