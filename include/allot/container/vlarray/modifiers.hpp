#pragma once

// Assignment, moves and insertion into the middle: the parts of vlarray.hpp that are longer than a few lines.

#include <algorithm>
#include <allot/container/vlarray.hpp>
#include <iterator>
#include <utility>

namespace allot {

/// Where inserted elements come from: `count` of them from the one with number `skipped`, to construct or to assign.
template <class T>
class vlarray<T>::repeated {
 public:
  /// The value must outlive this, and must not lie in the array.
  explicit repeated(const T& value) noexcept : value_(value) {}
  /// Constructs `count` of them from `at` on.
  void make(const element_maker<T>& maker, T* at, size_type /*skipped*/, size_type count) const {
    maker.make_copies(at, count, value_);
  }
  void assign(T* at, size_type count) const { std::fill_n(at, count, value_); }

 private:
  const T& value_;
};

/// Elements from a range.
template <class T>
template <class Iterator>
class vlarray<T>::sequence {
 public:
  explicit sequence(Iterator first) : first_(first) {}
  void make(const element_maker<T>& maker, T* at, size_type skipped, size_type count) const {
    maker.make_from(at, count, std::next(first_, static_cast<difference_type>(skipped)));
  }
  void assign(T* at, size_type count) const { std::copy_n(first_, count, at); }

 private:
  Iterator first_;
};

/// Opens a gap of `count` elements. Whatever throws, every element up to end_ is one.
template <class T>
template <class Source>
T* vlarray<T>::insert_from(size_type index, size_type count, const Source& source) {
  if (count == 0) return base() + index;
  const open_tail tail(*this, count);
  T* const at = base() + index;
  T* const old_end = end_;
  const auto behind = static_cast<size_type>(old_end - at);
  if (behind > count) {
    maker().make_moved(old_end, old_end - count, old_end);
    end_ += count;
    std::move_backward(at, old_end - count, old_end);
    source.assign(at, count);
  } else {
    source.make(maker(), old_end, behind, count - behind);
    end_ += count - behind;
    maker().make_moved(end_, at, old_end);
    end_ += behind;
    source.assign(at, behind);
  }
  return at;
}

template <class T>
template <class... Args>
T* vlarray<T>::emplace(const_iterator position, Args&&... args) {
  const auto index = static_cast<size_type>(position - base());
  if (position == end_) {
    emplace_back(std::forward<Args>(args)...);
    return base() + index;
  }
  element made(maker(), std::forward<Args>(args)...);
  return insert_from(index, 1, sequence<std::move_iterator<T*>>(std::make_move_iterator(std::addressof(made.value()))));
}

template <class T>
T* vlarray<T>::insert(const_iterator position, size_type count, const T& value) {
  element copy(maker(), value);
  return insert_from(static_cast<size_type>(position - base()), count, repeated(copy.value()));
}

template <class T>
template <class Iterator, class>
T* vlarray<T>::insert(const_iterator position, Iterator first, Iterator last) {
  const auto index = static_cast<size_type>(position - base());
  if constexpr (is_forward_iterator<Iterator>::value) {
    return insert_from(index, static_cast<size_type>(std::distance(first, last)), sequence<Iterator>(first));
  } else {
    const size_type before = size();
    append_from(first, last);
    std::rotate(base() + index, base() + before, end_);
    return base() + index;
  }
}

template <class T>
void vlarray<T>::assign(size_type count, const T& value) {
  element copy(maker(), value);
  reserve(count);
  const size_type kept = (std::min)(count, size());
  std::fill_n(base(), kept, copy.value());
  if (kept == count) return truncate(base() + kept);
  append_copies(count - kept, copy.value());
}

template <class T>
template <class Iterator, class>
void vlarray<T>::assign(Iterator first, Iterator last) {
  T* to = base();
  if constexpr (is_forward_iterator<Iterator>::value) {
    const auto count = static_cast<size_type>(std::distance(first, last));
    reserve(count);
    const size_type kept = (std::min)(count, size());
    const Iterator middle = std::next(first, static_cast<difference_type>(kept));
    to = std::copy(first, middle, base());
    first = middle;
  } else {
    for (; first != last && to != end_; ++first, (void)++to) *to = *first;
  }
  if (to != end_) return truncate(to);
  append_from(first, last);
}

template <class T>
void vlarray<T>::take_or_move(vlarray& other) {
  if (*elements_ == *other.elements_) return take(other);
  if constexpr (std::is_move_constructible_v<T>) {
    allow(other.size());
    append_from(std::make_move_iterator(other.begin()), std::make_move_iterator(other.end()));
    other.clear();
  } else {
    elements_ = other.elements_;
    take(other);
  }
}

template <class T>
void vlarray<T>::assign_moved(vlarray& other) {
  if constexpr (!std::is_move_constructible_v<T>) {
    vlarray taken(std::move(other));
    swap(taken);
  } else if (*elements_ == *other.elements_ && storage() == other.storage()) {
    take(other);
  } else {
    assign(std::make_move_iterator(other.base()), std::make_move_iterator(other.end_));
    other.clear();
  }
}

}  // namespace allot
