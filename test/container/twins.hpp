#pragma once

#include <allot/container/vlarray.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <forward_list>
#include <initializer_list>
#include <iterator>
#include <string>
#include <type_traits>
#include <vector>

#include "container/elements.hpp"

namespace allot::test {

/// Runs the same code on an array and on a vector with the same elements; compares what it returns and leaves.
template <class T, class Use>
void with_twin(std::size_t count, Use use) {
  auto array = numbered<vlarray<T>>(count);
  auto twin = numbered<std::vector<T>>(count);
  if constexpr (std::is_void_v<decltype(use(twin))>) {
    use(array);
    use(twin);
  } else {
    const bool returned_the_same = use(array) == use(twin);
    BOOST_TEST(returned_the_same, "of " << count);
  }
  BOOST_TEST(same(array, twin), "of " << count << ": " << array.size() << " and " << twin.size());
}

template <class Use>
void with_twins(Use use, std::initializer_list<std::size_t> counts = {0, 1, 2, 5, 300}) {
  const element_watch watch;
  for (const std::size_t count : counts) {
    with_twin<int>(count, use);
    with_twin<std::pmr::string>(count, use);
    with_twin<element>(count, use);
    with_twin<hard_to_move>(count, use);
  }
  BOOST_TEST(watch.none_left());
}

template <class Array>
auto at_number(Array& array, std::size_t number) {
  return array.begin() + static_cast<std::ptrdiff_t>(number);
}

template <class Array>
std::ptrdiff_t number_of(const Array& array, typename Array::const_iterator at) {
  return at - array.begin();
}

/// The values from 100 on, in a container of another kind.
template <template <class...> class Container, class T>
Container<T> others(int count) {
  Container<T> values;
  for (int i = count; i-- != 0;) values.insert(values.begin(), made<T>(100 + i));
  return values;
}
template <class T>
std::forward_list<T> forward_others(int count) {
  std::forward_list<T> values;
  for (int i = count; i-- != 0;) values.push_front(made<T>(100 + i));
  return values;
}

/// Iterators that can be read once.
template <class Container>
class once {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = typename Container::value_type;
  using difference_type = std::ptrdiff_t;
  using pointer = const value_type*;
  using reference = const value_type&;

  explicit once(typename Container::const_iterator at) : at_(at) {}
  reference operator*() const { return *at_; }
  once& operator++() {
    ++at_;
    return *this;
  }
  void operator++(int) { ++at_; }
  friend bool operator==(const once& a, const once& b) { return a.at_ == b.at_; }
  friend bool operator!=(const once& a, const once& b) { return a.at_ != b.at_; }

 private:
  typename Container::const_iterator at_;
};
template <class Container>
once<Container> once_from(const Container& values) {
  return once<Container>(values.begin());
}
template <class Container>
once<Container> once_to(const Container& values) {
  return once<Container>(values.end());
}

}  // namespace allot::test
