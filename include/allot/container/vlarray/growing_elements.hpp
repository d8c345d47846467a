#pragma once

#include <algorithm>
#include <allot/container/array_memory.hpp>
#include <allot/container/vlarray/elements.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/memory_tools.hpp>
#include <cstddef>
#include <iterator>
#include <memory>
#include <memory_resource>
#include <type_traits>
#include <utility>

namespace allot {

/// The elements of a vlarray: how they come and go at their end, and the memory they are in. What vlarray adds is the
/// interface of std::vector, and the ways into the middle.
///
/// What appending and the destructor do not do inline gets and returns values, never the object: so an array whose
/// address nobody else needs can live in registers, as a std::vector can.
template <class T>
class growing_elements {
 protected:
  using size_type = std::size_t;
  using element = typename element_maker<T>::temporary;  ///< made before there is room for it
  class open_tail;

  /// @param elements  what elements allocate from
  growing_elements(const array_settings& settings, std::pmr::memory_resource* elements) noexcept
      : settings_(settings), elements_(elements) {}
  growing_elements(const growing_elements&) = delete;
  growing_elements& operator=(const growing_elements&) = delete;
  ALLOT_ALWAYS_INLINE ~growing_elements() { dispose(end_, memory_, settings_); }

  /// Of the memory, in bytes.
  static constexpr size_type alignment = alignof(T) > memory_tools::granule ? alignof(T) : memory_tools::granule;
  static constexpr bool moves = std::is_nothrow_move_constructible_v<T>;  ///< elements can go to other addresses
  /// Made before there is room for it in any case: one way less for compilers to weigh in a loop that appends.
  static constexpr bool made_first = std::is_trivially_copyable_v<T> && sizeof(T) <= 4 * sizeof(void*);
  /// Elements go there with their pages. Asks for `moves`, too: a std::mutex is trivially copyable.
  static constexpr bool remaps = moves && std::is_trivially_copyable_v<T>;

  /// Of so many elements; what no memory has where there is no such number.
  static size_type bytes_of(size_type count) noexcept {
    size_type bytes = 0;
    return checked_multiply(count, sizeof(T), bytes) ? (std::min)(bytes, max_object_bytes + 1) : max_object_bytes + 1;
  }

  T* base() const noexcept { return reinterpret_cast<T*>(memory_.data); }  ///< null without memory
  /// Bytes of all elements.
  size_type used() const noexcept { return static_cast<size_type>(reinterpret_cast<std::byte*>(end_) - memory_.data); }
  /// For elements of this array.
  element_maker<T> maker() const noexcept { return element_maker<T>(elements_); }
  size_type size() const noexcept { return static_cast<size_type>(end_ - base()); }
  size_type capacity() const noexcept { return memory_.committed / sizeof(T); }

  /// Goes on with other memory that has the same elements. Up to `open` more may be touched where a memory tool
  /// watches.
  void adopt(const array_memory& memory, size_type open) noexcept {
    const size_type bytes = used();
    memory_ = memory;
    end_ = reinterpret_cast<T*>(memory.data + bytes);
    limit_ = base() + memory.committed / sizeof(T);
    if (memory.watched) limit_ = (std::min)(limit_, end_ + open);
  }
  /// The memory with room for `more` elements behind the `used` bytes. with_room() goes to another place only if it
  /// must and may; in_larger() has a larger reservation or block, in place or elsewhere.
  /// @throws std::length_error where that is too many, else as array_memory::grow()
  /// @{
  static array_memory with_room(array_memory memory, array_settings settings, size_type used, size_type more);
  static array_memory in_larger(array_memory memory, array_settings settings, size_type used, size_type more);
  /// @}
  /// As array_memory::shrink() and array_memory::move_end().
  /// @{
  static array_memory shrunk(array_memory memory, size_type used, size_type kept) noexcept {
    memory.shrink(used, kept);
    return memory;
  }
  static void move_end(array_memory memory, const void* from, const void* to) noexcept { memory.move_end(from, to); }
  /// @}
  /// Where a memory tool watches: nothing behind the elements may be touched from now on.
  void close_tail() noexcept {
    move_end(memory_, limit_, end_);
    limit_ = end_;
  }
  /// Destroys all elements and gives the memory back, if there is any.
  static void dispose(T* end, array_memory memory, array_settings settings) noexcept {
    if (memory.data == nullptr) return;
    std::destroy(reinterpret_cast<T*>(memory.data), end);
    memory.release(settings, alignment);
  }
  /// @throws std::length_error: `count` elements are more than there may be
  [[noreturn]] static void throw_too_long(size_type count, array_memory memory, array_settings settings) {
    array_memory::throw_length_error(count, memory.had(settings, alignment) / sizeof(T));
  }
  /// For one more. False where that throws.
  bool try_make_room() noexcept;
  /// Whether so many more need another place. What the caller gives may lie in the array and must be saved before.
  /// @{
  static bool must_move(const array_memory& memory, const array_settings& settings, size_type used,
                        size_type more) noexcept {
    return moves && settings.may_move && memory.data != nullptr && more > memory.size / sizeof(T) - used / sizeof(T);
  }
  bool must_move(size_type more) const noexcept { return must_move(memory_, settings_, used(), more); }
  /// @}
  /// Makes room for `count` elements in all, more than capacity(), or for `more` behind the last.
  /// @throws as with_room(); nothing has changed
  /// @{
  void grow_to(size_type count);
  void make_room(size_type more) {
    if (static_cast<size_type>(limit_ - end_) < more) adopt(with_room(memory_, settings_, used(), more), more);
  }
  /// @}
  void allow(size_type count) noexcept;
  template <class Make>
  T* grow_by(size_type more, Make make);
  /// Where the new element is.
  /// @throws as make_room(), or what constructing it throws; the elements are as before
  template <class... Args>
  ALLOT_ALWAYS_INLINE T* append_one(Args&&... args) {
    T* at = end_;
    if (!ALLOT_LIKELY(at != limit_)) {
      if constexpr (moves) {
        if (made_first || settings_.may_move) {  // the arguments may lie in the array
          element made(maker(), std::forward<Args>(args)...);
          make_room(1);
          return add(end_, std::move(made.value()));
        }
      }
      adopt(with_room(memory_, settings_, used(), 1), 1);
      at = end_;
    }
    return add(at, std::forward<Args>(args)...);
  }
  /// Null where there is no room.
  template <class... Args>
  T* try_append_one(Args&&... args) {
    T* at = end_;
    if (!ALLOT_LIKELY(at != limit_)) {
      if constexpr (moves) {
        if (made_first || settings_.may_move) {
          element made(maker(), std::forward<Args>(args)...);
          return try_make_room() ? add(end_, std::move(made.value())) : nullptr;
        }
      }
      if (!try_make_room()) return nullptr;
      at = end_;
    }
    return add(at, std::forward<Args>(args)...);
  }
  /// Makes the next element, for which there is room at `at`, the end.
  template <class... Args>
  T* add(T* at, Args&&... args) {
    maker().make(at, std::forward<Args>(args)...);
    end_ = at + 1;
    return at;
  }
  /// Copies of a value, or of a range: all of them, or none and it throws. The value, and a range given by pointers,
  /// may lie in the array.
  /// @{
  void append_copies(size_type count, const T& value);
  template <class Iterator, class Sentinel>
  void append_from(Iterator first, Sentinel last);
  /// @}

  /// Destroys the elements from `end` on.
  void truncate(T* end) noexcept;
  /// Gives up what there is for what the other has, who has nothing then.
  void take(growing_elements& other) noexcept;

  T* end_ = nullptr;  ///< behind the last element
  /// Where appending must take the slow way: the end of what is committed, or, when a memory tool watches, the end of
  /// what it lets us touch, which is end_ between calls (or one more, where making an element threw).
  T* limit_ = nullptr;
  array_memory memory_;                  ///< where the first element is
  array_settings settings_;              ///< where more memory comes from
  std::pmr::memory_resource* elements_;  ///< what elements allocate from
};

/// Room for more elements behind the last one. A memory tool lets the caller write there as long as this lives.
template <class T>
class growing_elements<T>::open_tail {
 public:
  /// @throws as make_room()
  open_tail(growing_elements& array, size_type more) : array_(array) { array.make_room(more); }
  open_tail(const open_tail&) = delete;
  open_tail& operator=(const open_tail&) = delete;
  ~open_tail() {
    if (!ALLOT_LIKELY(!array_.memory_.watched)) array_.close_tail();
  }

 private:
  growing_elements& array_;
};

template <class T>
ALLOT_NEVER_INLINE array_memory growing_elements<T>::with_room(array_memory memory, array_settings settings,
                                                               size_type used, size_type more) {
  if (must_move(memory, settings, used, more)) memory = in_larger(memory, settings, used, more);
  if (!memory.make_room(settings, used, bytes_of(more), alignment))
    throw_too_long(used / sizeof(T) + (std::min)(more, max_object_bytes), memory, settings);
  return memory;
}

template <class T>
bool growing_elements<T>::try_make_room() noexcept {
  try {
    make_room(1);
    return true;
  } catch (...) {
    return false;
  }
}

template <class T>
void growing_elements<T>::grow_to(size_type count) {
  const size_type bytes = bytes_of(count);
  if (must_move(count - size())) adopt(in_larger(memory_, settings_, used(), count - size()), 0);
  array_memory memory = memory_;
  if (bytes > max_object_bytes || !memory.grow(settings_, bytes, alignment)) throw_too_long(count, memory_, settings_);
  adopt(memory, 0);
}

template <class T>
array_memory growing_elements<T>::in_larger(array_memory memory, array_settings settings, size_type used,
                                            size_type more) {
  const size_type bytes = used + (std::min)(bytes_of(more), max_object_bytes);
  if (!moves || bytes > max_object_bytes)
    throw_too_long(used / sizeof(T) + (std::min)(more, max_object_bytes), memory, settings);
  if (memory.reserving == nullptr && memory.grow(settings, bytes, alignment)) return memory;  // a block, in place
  if constexpr (remaps)
    if (memory.remap(used, bytes, alignment)) return memory;
  if constexpr (moves) {
    const array_memory next = memory.larger(settings, bytes, alignment);
    if (next.watched) next.move_end(next.data, next.data + used);
    T* const first = reinterpret_cast<T*>(memory.data);
    T* const end = reinterpret_cast<T*>(memory.data + used);
    std::uninitialized_move(first, end, reinterpret_cast<T*>(next.data));
    dispose(end, memory, settings);
    memory = next;
  }
  return memory;
}

/// Raises a limit that is too low for so many elements, of an array without memory.
template <class T>
void growing_elements<T>::allow(size_type count) noexcept {
  if (memory_.data == nullptr && count > memory_.most(settings_, alignment) / sizeof(T))
    settings_.max_bytes = (std::max)(settings_.max_bytes, bytes_of(count));
}

/// Has `make` construct `more` elements behind the last one: all of them, or none and it throws.
template <class T>
template <class Make>
T* growing_elements<T>::grow_by(size_type more, Make make) {
  const open_tail tail(*this, more);
  T* const first = end_;
  make(first);
  end_ += more;
  return first;
}

template <class T>
void growing_elements<T>::append_copies(size_type count, const T& value) {
  if (must_move(count)) {  // the value may lie in the array
    element copy(maker(), value);
    grow_by(count, [&](T* at) { maker().make_copies(at, count, copy.value()); });
  } else {
    grow_by(count, [&](T* at) { maker().make_copies(at, count, value); });
  }
}

template <class T>
template <class Iterator, class Sentinel>
void growing_elements<T>::append_from(Iterator first, Sentinel last) {
  if constexpr (is_forward_iterator<Iterator>::value) {
    size_type count = 0;
    if constexpr (std::is_same_v<Iterator, Sentinel>) {
      count = static_cast<size_type>(std::distance(first, last));
    } else {
      for (Iterator i = first; i != last; ++i) ++count;
    }
    if constexpr (std::is_same_v<Iterator, T*> || std::is_same_v<Iterator, const T*>) {
      if (must_move(count) && range_contains(base(), size() * sizeof(T), std::addressof(*first), sizeof(T))) {
        const auto offset = first - base();
        adopt(in_larger(memory_, settings_, used(), count), 0);
        first = base() + offset;
      }
    }
    grow_by(count, [&](T* at) { maker().make_from(at, count, first); });
  } else {
    const size_type before = size();
    try {
      for (; first != last; ++first) append_one(*first);
    } catch (...) {
      truncate(base() + before);
      throw;
    }
  }
}

template <class T>
void growing_elements<T>::truncate(T* end) noexcept {
  std::destroy(end, end_);
  end_ = end;
  if (!ALLOT_LIKELY(!memory_.watched)) close_tail();
}

template <class T>
void growing_elements<T>::take(growing_elements& other) noexcept {
  dispose(end_, memory_, settings_);
  memory_ = std::exchange(other.memory_, {});
  end_ = std::exchange(other.end_, nullptr);
  limit_ = std::exchange(other.limit_, nullptr);
}

}  // namespace allot
