#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <iterator>
#include <memory>
#include <memory_resource>
#include <new>
#include <type_traits>
#include <utility>

namespace allot {

/// Makes elements of a vlarray: with its allocator where the type takes one, plainly where it does not. Everything that
/// makes several destroys those made so far when one throws.
template <class T>
class element_maker {
 public:
  using allocator_type = std::pmr::polymorphic_allocator<T>;

  /// @param memory  what elements get that take an allocator; must outlive them
  explicit element_maker(std::pmr::memory_resource* memory) noexcept : memory_(memory) {}

  /// Constructs one element, where there is none.
  template <class... Args>
  void make(T* at, Args&&... args) const {
    if constexpr (takes_allocator<T>::value) {
      allocator_type(memory_).construct(at, std::forward<Args>(args)...);
    } else {
      ::new (static_cast<void*>(at)) T(std::forward<Args>(args)...);
    }
  }

  /// `count` elements with the value T() has, or with a copy of `value`, from `at` on.
  /// @{
  void make_values(T* at, std::size_t count) const {
    if constexpr (plain) {
      std::uninitialized_value_construct_n(at, count);
    } else {
      made_so_far made{at, at};
      for (; count != 0; --count, ++made.end) make(made.end);
      made.keep();
    }
  }

  void make_copies(T* at, std::size_t count, const T& value) const {
    if constexpr (plain) {
      std::uninitialized_fill_n(at, count, value);
    } else {
      made_so_far made{at, at};
      for (; count != 0; --count, ++made.end) make(made.end, value);
      made.keep();
    }
  }
  /// @}

  /// From `count` elements of a sequence; returns its next position.
  template <class Iterator>
  Iterator make_from(T* at, std::size_t count, Iterator from) const {
    if constexpr (plain && std::is_pointer_v<Iterator>) {
      std::uninitialized_copy_n(from, count, at);
      return from + count;
    } else {
      made_so_far made{at, at};
      for (; count != 0; --count, ++made.end, (void)++from) make(made.end, *from);
      made.keep();
      return from;
    }
  }

  /// By moving the elements of [first, last), which stay, moved from.
  void make_moved(T* at, T* first, T* last) const {
    if constexpr (plain) {
      std::uninitialized_move(first, last, at);
    } else {
      made_so_far made{at, at};
      for (; first != last; ++first, ++made.end) make(made.end, std::move(*first));
      made.keep();
    }
  }

  /// An element that is not in the array, for arguments that may lie in it.
  class temporary {
   public:
    /// Constructed as make() does.
    template <class... Args>
    explicit temporary(const element_maker& maker, Args&&... args) {
      maker.make(std::addressof(value_), std::forward<Args>(args)...);
    }
    temporary(const temporary&) = delete;
    temporary& operator=(const temporary&) = delete;
    ~temporary() { value_.~T(); }
    T& value() noexcept { return value_; }  ///< lives as long as this

   private:
    union {
      char byte_{};  // all there is of an empty T, which is copied as a byte
      T value_;
    };
  };

 private:
  template <class U>
  struct takes_allocator : std::uses_allocator<U, allocator_type> {};
  template <class A, class B>
  struct takes_allocator<std::pair<A, B>> : std::disjunction<takes_allocator<A>, takes_allocator<B>> {};

  static constexpr bool plain = !takes_allocator<T>::value;

  struct made_so_far {
    T* begin;
    T* end;
    ~made_so_far() { std::destroy(begin, end); }
    void keep() noexcept { begin = end; }
  };

  std::pmr::memory_resource* memory_;
};

template <class Iterator, class = void>
struct is_input_iterator : std::false_type {};
template <class Iterator>
struct is_input_iterator<Iterator, std::void_t<typename std::iterator_traits<Iterator>::iterator_category>>
    : std::is_convertible<typename std::iterator_traits<Iterator>::iterator_category, std::input_iterator_tag> {};

template <class Iterator, class = void>
struct is_forward_iterator : std::false_type {};
template <class Iterator>
struct is_forward_iterator<Iterator, std::void_t<typename std::iterator_traits<Iterator>::iterator_category>>
    : std::is_convertible<typename std::iterator_traits<Iterator>::iterator_category, std::forward_iterator_tag> {};

}  // namespace allot
