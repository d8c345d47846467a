#pragma once

#include <algorithm>
#include <allot/container/array_memory.hpp>
#include <allot/container/vlarray/elements.hpp>
#include <allot/container/vlarray/growing_elements.hpp>
#include <allot/container/vlarray_options.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/memory_tools.hpp>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <memory_resource>
#include <type_traits>
#include <utility>

namespace allot {

/// A std::vector whose elements never move: pointers, references and iterators (but end()) survive every growth,
/// reserve(), shrink_to_fit(), swap() and move. For arrays that grow large, that are pointed into, or whose elements
/// cannot be moved at all (vlarray<std::mutex>).
///
///     data()            data() + size()    data() + capacity()       data() + max_size()
///     | elements .......| committed .......| reserved address space .|
///
/// The array reserves address space with its first element and commits memory as it fills, so it is never copied to
/// grow. capacity() is what is committed, max_size() what is reserved: beyond that is std::length_error, unless the
/// options let the array move. Appending (push_back, emplace_back, append, resize) has the strong guarantee for every
/// type; the rest has std::vector's.
///
/// Two kinds of memory: the array's own comes from a *storage* resource, default_reserving_resource() unless another is
/// named; what elements allocate comes from the allocator, as in std::pmr::vector (a vlarray<std::pmr::string> must not
/// draw its texts from pages). Neither propagates on assignment; copies start with the defaults; swap() exchanges both.
/// bool is an element like others.
///
/// Not thread-safe; distinct arrays are independent, also on the same storage if that is thread-safe.
template <class T>
class vlarray : private growing_elements<T> {
  static_assert(std::is_object_v<T> && !std::is_const_v<T> && !std::is_volatile_v<T> && !std::is_array_v<T>);

  using base_type = growing_elements<T>;
  using base_type::adopt;
  using base_type::allow;
  using base_type::append_copies;
  using base_type::append_from;
  using base_type::append_one;
  using base_type::base;
  using base_type::bytes_of;
  using base_type::elements_;
  using base_type::end_;
  using base_type::grow_by;
  using base_type::grow_to;
  using base_type::limit_;
  using base_type::maker;
  using base_type::memory_;
  using base_type::settings_;
  using base_type::shrunk;
  using base_type::take;
  using base_type::truncate;
  using base_type::try_append_one;
  using base_type::used;

  template <class Iterator>
  using if_input = std::enable_if_t<is_input_iterator<Iterator>::value &&
                                    !std::is_convertible_v<Iterator, std::pmr::memory_resource*>>;
  template <class Resource>
  using if_resource = std::enable_if_t<std::is_convertible_v<Resource*, std::pmr::memory_resource*>>;

 public:
  using value_type = T;
  using allocator_type = std::pmr::polymorphic_allocator<T>;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = T&;
  using const_reference = const T&;
  using pointer = T*;
  using const_pointer = const T*;
  using iterator = T*;
  using const_iterator = const T*;
  using reverse_iterator = std::reverse_iterator<iterator>;
  using const_reverse_iterator = std::reverse_iterator<const_iterator>;

  // ---- construction. Those of std::vector, and those that name a storage, which must outlive the array. None asks the
  // system or a resource for anything before there is an element.

  /// Without elements, on the default storage.
  /// @{
  vlarray() noexcept : vlarray(allocator_type()) {}
  explicit vlarray(const allocator_type& allocator) noexcept : base_type({}, allocator.resource()) {}
  /// @}
  /// With elements, on the default storage.
  /// @throws as reserve(), or what constructing an element throws
  /// @{
  explicit vlarray(size_type count, const allocator_type& allocator = {}) : vlarray(allocator) { resize(count); }
  vlarray(size_type count, const T& value, const allocator_type& allocator = {}) : vlarray(allocator) {
    resize(count, value);
  }
  template <class Iterator, class = if_input<Iterator>>
  vlarray(Iterator first, Iterator last, const allocator_type& allocator = {}) : vlarray(allocator) {
    append_from(first, last);
  }
  vlarray(std::initializer_list<T> values, const allocator_type& allocator = {})
      : vlarray(values.begin(), values.end(), allocator) {}
  /// @}
  /// Copies of the elements, on the default storage whatever the other is on.
  /// @throws as the constructors before
  /// @{
  vlarray(const vlarray& other) : vlarray(other, allocator_type()) {}
  vlarray(const vlarray& other, const allocator_type& allocator) : vlarray(allocator) {
    allow(other.size());
    append_from(other.begin(), other.end());
  }
  /// @}
  /// Takes memory, storage and allocator over; the other is empty then, and goes on with both.
  vlarray(vlarray&& other) noexcept : base_type(other.settings_, other.elements_) { take(other); }
  /// The same where the allocators are equal. Otherwise moves the elements one by one, on the same storage; those that
  /// cannot be moved bring their memory and allocator along.
  /// @throws what moving an element throws, or as reserve()
  vlarray(vlarray&& other, const allocator_type& allocator) : base_type(other.settings_, allocator.resource()) {
    take_or_move(other);
  }

  /// Without elements, on that storage; null: default_reserving_resource().
  template <class Resource, class = if_resource<Resource>>
  explicit vlarray(Resource* storage, const allocator_type& allocator = {}) noexcept
      : vlarray(vlarray_options{storage}, allocator) {}
  /// Without elements, as the options say; when_full::move counts only where moving an element cannot throw.
  explicit vlarray(const vlarray_options& options, const allocator_type& allocator = {}) noexcept
      : base_type(
            {options.storage, bytes_of(options.max_elements), base_type::moves && options.on_full == when_full::move},
            allocator.resource()) {}

  ALLOT_ALWAYS_INLINE ~vlarray() {}  // declared, so that it is always inlined, too

  vlarray& operator=(const vlarray& other) {
    if (this != &other) assign(other.begin(), other.end());
    return *this;
  }
  /// Takes the memory over when storage and allocator are the same; otherwise moves the elements one by one. Elements
  /// that cannot be moved bring their storage and allocator along.
  vlarray& operator=(vlarray&& other) {
    if (this != &other) assign_moved(other);
    return *this;
  }
  vlarray& operator=(std::initializer_list<T> values) {
    assign(values.begin(), values.end());
    return *this;
  }

  void assign(size_type count, const T& value);
  template <class Iterator, class = if_input<Iterator>>
  void assign(Iterator first, Iterator last);
  void assign(std::initializer_list<T> values) { assign(values.begin(), values.end()); }

  allocator_type get_allocator() const noexcept { return elements_; }                 ///< of the elements
  std::pmr::memory_resource* storage() const noexcept { return settings_.source(); }  ///< of the array

  // ---- elements

  /// @throws std::out_of_range
  reference at(size_type index) { return base()[checked(index)]; }
  const_reference at(size_type index) const { return base()[checked(index)]; }
  reference operator[](size_type index) noexcept { return base()[index]; }
  const_reference operator[](size_type index) const noexcept { return base()[index]; }
  reference front() noexcept { return *base(); }
  const_reference front() const noexcept { return *base(); }
  reference back() noexcept { return end_[-1]; }
  const_reference back() const noexcept { return end_[-1]; }
  T* data() noexcept { return base(); }
  const T* data() const noexcept { return base(); }

  iterator begin() noexcept { return base(); }
  iterator end() noexcept { return end_; }
  const_iterator begin() const noexcept { return base(); }
  const_iterator end() const noexcept { return end_; }
  const_iterator cbegin() const noexcept { return base(); }
  const_iterator cend() const noexcept { return end_; }
  reverse_iterator rbegin() noexcept { return reverse_iterator(end_); }
  reverse_iterator rend() noexcept { return reverse_iterator(base()); }
  const_reverse_iterator rbegin() const noexcept { return const_reverse_iterator(end_); }
  const_reverse_iterator rend() const noexcept { return const_reverse_iterator(base()); }
  const_reverse_iterator crbegin() const noexcept { return rbegin(); }
  const_reverse_iterator crend() const noexcept { return rend(); }

  // ---- size and memory

  bool empty() const noexcept { return base() == end_; }
  using base_type::capacity;  ///< elements that need no commit
  using base_type::size;
  /// Elements the reservation holds; before there is one, what it will be asked to hold. Of storage that may grow in
  /// place or move without a bound of its own, what the address space allows.
  size_type max_size() const noexcept { return memory_.most(settings_, base_type::alignment) / sizeof(T); }
  size_type committed_bytes() const noexcept { return memory_.committed; }  ///< of a block, all; 0: no memory yet
  size_type reserved_bytes() const noexcept { return memory_.size; }        ///< these included

  /// Commits memory for `count` elements.
  /// @throws std::length_error beyond max_size(), allocation_error, or what the storage throws; nothing has changed
  void reserve(size_type count) {
    if (count > capacity()) grow_to(count);
  }
  /// As reserve(), and backs that memory at once, so that filling it meets no page fault.
  void prefault(size_type count) {
    reserve(count);
    memory_.prefault(count * sizeof(T));
  }
  /// Gives memory behind the elements, and room for `keep` more, back to the system, in whole pages; address space and
  /// elements stay where they are. A plain resource gets nothing back before the array dies. Returns bytes given back.
  size_type decommit_unused(size_type keep = 0) noexcept {
    const size_type spare = capacity() - size();
    if (keep >= spare) return 0;
    const size_type before = memory_.committed;
    adopt(shrunk(memory_, used(), used() + keep * sizeof(T)), 0);
    return before - memory_.committed;
  }
  void shrink_to_fit() noexcept { decommit_unused(); }

  // ---- appending. If anything throws, the array is as before.

  ALLOT_ALWAYS_INLINE void push_back(const T& value) { emplace_back(value); }
  ALLOT_ALWAYS_INLINE void push_back(T&& value) { emplace_back(std::move(value)); }
  template <class... Args>
  ALLOT_ALWAYS_INLINE reference emplace_back(Args&&... args) {
    return *append_one(std::forward<Args>(args)...);
  }

  /// As push_back(), but null instead of an exception when there is no room; what constructing a T throws passes on.
  /// Without room the arguments are untouched, unless the array may move.
  /// @{
  [[nodiscard]] T* try_push_back(const T& value) { return try_emplace_back(value); }
  [[nodiscard]] T* try_push_back(T&& value) { return try_emplace_back(std::move(value)); }
  template <class... Args>
  [[nodiscard]] T* try_emplace_back(Args&&... args) {
    return try_append_one(std::forward<Args>(args)...);
  }
  /// @}

  /// For size() < capacity(), after a reserve(): no system or resource is asked for anything. Without room it is
  /// misuse, and a push_back() if the handler returns.
  /// @{
  reference unchecked_push_back(const T& value) { return unchecked_emplace_back(value); }
  reference unchecked_push_back(T&& value) { return unchecked_emplace_back(std::move(value)); }
  template <class... Args>
  reference unchecked_emplace_back(Args&&... args) {
    if (!ALLOT_LIKELY(end_ != limit_)) require_capacity();
    return emplace_back(std::forward<Args>(args)...);
  }
  /// @}

  /// Copies of all elements of a range, which may be this array.
  template <class Range>
  void append(Range&& range) {
    using std::begin;
    using std::end;
    append_from(begin(range), end(range));
  }
  void append(std::initializer_list<T> values) { append_from(values.begin(), values.end()); }

  /// `count` elements without a value yet, to be written by the caller. Returns the first. For types that need no
  /// constructor and no destructor.
  template <class U = T, class = std::enable_if_t<std::is_trivially_default_constructible_v<U> &&
                                                  std::is_trivially_destructible_v<U>>>
  T* append_uninitialized(size_type count) {
    return grow_by(count, [](T*) {});
  }

  void resize(size_type count) {
    if (count <= size()) return truncate(base() + count);
    const size_type more = count - size();
    grow_by(more, [&](T* at) { maker().make_values(at, more); });
  }
  void resize(size_type count, const T& value) {
    if (count <= size()) return truncate(base() + count);
    append_copies(count - size(), value);
  }

  // ---- elsewhere. The guarantees of std::vector.

  template <class... Args>
  iterator emplace(const_iterator position, Args&&... args);
  iterator insert(const_iterator position, const T& value) { return emplace(position, value); }
  iterator insert(const_iterator position, T&& value) { return emplace(position, std::move(value)); }
  iterator insert(const_iterator position, size_type count, const T& value);
  template <class Iterator, class = if_input<Iterator>>
  iterator insert(const_iterator position, Iterator first, Iterator last);
  iterator insert(const_iterator position, std::initializer_list<T> values) {
    return insert(position, values.begin(), values.end());
  }

  iterator erase(const_iterator position) { return erase(position, position + 1); }
  iterator erase(const_iterator first, const_iterator last) {
    T* const to = base() + (first - base());
    if (first != last) truncate(std::move(to + (last - first), end_, to));
    return to;
  }
  void pop_back() noexcept { truncate(end_ - 1); }
  void clear() noexcept { truncate(base()); }

  /// Exchanges everything, storages and allocators included. A qualified std::swap() does not find this: it moves.
  void swap(vlarray& other) noexcept {
    std::swap(end_, other.end_);
    std::swap(limit_, other.limit_);
    std::swap(memory_, other.memory_);
    std::swap(settings_, other.settings_);
    std::swap(elements_, other.elements_);
  }
  friend void swap(vlarray& a, vlarray& b) noexcept { a.swap(b); }

  friend bool operator==(const vlarray& a, const vlarray& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
  friend bool operator!=(const vlarray& a, const vlarray& b) { return !(a == b); }
  friend bool operator<(const vlarray& a, const vlarray& b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
  }
  friend bool operator>(const vlarray& a, const vlarray& b) { return b < a; }
  friend bool operator<=(const vlarray& a, const vlarray& b) { return !(b < a); }
  friend bool operator>=(const vlarray& a, const vlarray& b) { return !(a < b); }

 private:
  using typename base_type::element;
  using typename base_type::open_tail;
  class repeated;
  template <class Iterator>
  class sequence;

  size_type checked(size_type index) const {
    if (index >= size()) array_memory::throw_out_of_range(index, size());
    return index;
  }
  void require_capacity() const {
    if (size() == capacity()) array_memory::report_no_capacity(end_);
  }
  template <class Source>
  T* insert_from(size_type index, size_type count, const Source& source);
  void take_or_move(vlarray& other);
  void assign_moved(vlarray& other);
};

template <class Iterator, class = std::enable_if_t<is_input_iterator<Iterator>::value>>
vlarray(Iterator, Iterator, std::pmr::polymorphic_allocator<typename std::iterator_traits<Iterator>::value_type> = {})
    -> vlarray<typename std::iterator_traits<Iterator>::value_type>;

/// Removes all elements equal to `value`, or that the predicate holds for, and returns how many those were.
template <class T, class U>
std::size_t erase(vlarray<T>& array, const U& value) {
  return erase_if(array, [&](const T& element) { return element == value; });
}
/// The same of the elements for which the predicate holds.
template <class T, class Predicate>
std::size_t erase_if(vlarray<T>& array, Predicate predicate) {
  const auto kept = std::remove_if(array.begin(), array.end(), predicate);
  const auto removed = static_cast<std::size_t>(array.end() - kept);
  array.erase(kept, array.end());
  return removed;
}

}  // namespace allot

#include <allot/container/vlarray/modifiers.hpp>
