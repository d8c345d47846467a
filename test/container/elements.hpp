#pragma once

#include <algorithm>
#include <cstddef>
#include <memory_resource>
#include <string>
#include <utility>

namespace allot::test {

struct element_failure {};

/// An element that notices when it is used where it was not made, and of which every step that may throw is counted.
class element {
 public:
  static inline long live = 0;
  static inline long steps = 0;     ///< constructions and copies so far; of some kinds moves, too
  static inline long throw_at = 0;  ///< which of them throws, from 1 on; 0: none
  static inline long wrong = 0;     ///< uses of what is no element

  element() : element(0) {}
  element(int value) : value_(value) {
    step();
    ++live;
  }
  element(const element& other) : value_(other.value()) {
    step();
    ++live;
  }
  element(element&& other) noexcept : value_(other.value()) {
    other.value_ = moved_from;
    ++live;
  }
  element& operator=(const element& other) {
    step();
    (void)value();
    value_ = other.value();
    return *this;
  }
  element& operator=(element&& other) noexcept {
    (void)value();
    value_ = other.value();
    if (this != &other) other.value_ = moved_from;
    return *this;
  }
  ~element() {
    (void)value();
    self_ = nullptr;
    --live;
  }

  static constexpr int moved_from = -77;

  int value() const noexcept {
    if (self_ != this) ++wrong;
    return value_;
  }

  static void step() {
    if (++steps == throw_at) throw element_failure();
  }

  friend bool operator==(const element& a, const element& b) noexcept { return a.value() == b.value(); }
  friend bool operator<(const element& a, const element& b) noexcept { return a.value() < b.value(); }

 private:
  const element* self_ = this;
  int value_;
};

/// Its moves may throw.
struct hard_to_move : element {
  using element::element;
  hard_to_move() = default;
  hard_to_move(const hard_to_move&) = default;
  hard_to_move(hard_to_move&& other) noexcept(false) : element((step(), std::move(other))) {}
  hard_to_move& operator=(const hard_to_move&) = default;
  hard_to_move& operator=(hard_to_move&& other) noexcept(false) {
    step();
    element::operator=(std::move(other));
    return *this;
  }
  ~hard_to_move() = default;
};

/// Has no moves of its own: they are copies.
struct only_copied : element {
  using element::element;
  only_copied() = default;
  only_copied(const only_copied&) = default;
  only_copied& operator=(const only_copied&) = default;
  ~only_copied() = default;
};

struct only_moved : element {
  using element::element;
  only_moved() = default;
  only_moved(only_moved&&) = default;
  only_moved& operator=(only_moved&&) = default;
  ~only_moved() = default;
};

/// Stays where it was made.
struct pinned : element {
  using element::element;
  pinned() = default;
  pinned(pinned&&) = delete;
  pinned& operator=(pinned&&) = delete;
  ~pinned() = default;
};

/// Checks of a case that elements are made and destroyed as often as each other.
class element_watch {
 public:
  element_watch() : live_(element::live), wrong_(element::wrong) {}
  element_watch(const element_watch&) = delete;
  element_watch& operator=(const element_watch&) = delete;
  ~element_watch() { element::throw_at = 0; }

  long live() const { return element::live - live_; }
  bool sound() const { return element::wrong == wrong_; }
  bool none_left() const { return live() == 0 && sound(); }

 private:
  long live_;
  long wrong_;
};

/// Runs body() with the first step of an element throwing, then the second, and so on until a run meets no throw.
/// Returns how many runs did. body() catches what it expects.
template <class Body>
long for_each_throw(Body body) {
  for (long nth = 1;; ++nth) {
    element::steps = 0;
    element::throw_at = nth;
    body();
    const bool thrown = element::steps >= nth;
    element::throw_at = 0;
    if (!thrown) return nth - 1;
  }
}

/// The i-th value of a type.
template <class T>
T made(int i) {
  if constexpr (std::is_constructible_v<T, const char*>) {
    return T((std::to_string(i) + (i % 3 == 0 ? "" : " and so much text that no string keeps it in itself")).c_str());
  } else {
    return T(static_cast<T>(i));
  }
}

template <class Array>
using value_of = typename std::remove_reference_t<Array>::value_type;

/// Whether two containers have equal elements in the same order.
template <class A, class B>
bool same(const A& a, const B& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

/// The first values of a type in a container of any kind.
template <class Array>
Array numbered(std::size_t count) {
  Array array;
  for (std::size_t i = 0; i < count; ++i) array.push_back(made<value_of<Array>>(static_cast<int>(i)));
  return array;
}

}  // namespace allot::test
