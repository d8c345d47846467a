#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <iterator>
#include <type_traits>

namespace ranges::ext {
template <class T>
struct enable_view;  // range-v3's way to be told what is a view
}

namespace allot {

class heap_range;
class range_list;

/// A block of a heap.
struct heap_block {
  std::byte* address = nullptr;  ///< its first byte
  std::size_t bytes = 0;         ///< rounded up to granules, with what lies behind it for a check or a memory tool
  bool used = false;             ///< otherwise free

  friend bool operator==(const heap_block& a, const heap_block& b) noexcept {
    return a.address == b.address && a.bytes == b.bytes && a.used == b.used;
  }
  friend bool operator!=(const heap_block& a, const heap_block& b) noexcept { return !(a == b); }
};

/// All blocks of a heap in the order of their addresses, used and free ones: a bidirectional view, each element made
/// when it is looked at. No two free ones lie side by side but where two ranges meet. Any call that changes the heap
/// invalidates it.
class ALLOT_EXPORT heap_blocks {
 public:
  /// Over the blocks in the order of their addresses.
  class ALLOT_EXPORT iterator {
   public:
    using iterator_category = std::input_iterator_tag;  // bidirectional but for references, which is enough for ranges
    using iterator_concept = std::bidirectional_iterator_tag;  ///< what ranges go by
    using value_type = heap_block;
    using difference_type = std::ptrdiff_t;
    using reference = heap_block;
    using pointer = void;

    iterator() noexcept = default;

    heap_block operator*() const noexcept;
    iterator& operator++() noexcept;
    iterator& operator--() noexcept;
    iterator operator++(int) noexcept {
      const iterator before = *this;
      ++*this;
      return before;
    }
    iterator operator--(int) noexcept {
      const iterator before = *this;
      --*this;
      return before;
    }
    friend bool operator==(const iterator& a, const iterator& b) noexcept {
      return a.range_ == b.range_ && a.granule_ == b.granule_;
    }
    friend bool operator!=(const iterator& a, const iterator& b) noexcept { return !(a == b); }

   private:
    friend class heap_blocks;
    iterator(const range_list& ranges, std::size_t range) noexcept;
    void skip_empty() noexcept;

    const range_list* ranges_ = nullptr;
    std::size_t range_ = 0;
    std::size_t granule_ = 0;
  };

  heap_blocks() noexcept = default;
  /// For the heap alone.
  explicit heap_blocks(const range_list& ranges) noexcept : ranges_(&ranges) {}

  iterator begin() const noexcept;
  iterator end() const noexcept;
  bool empty() const noexcept { return begin() == end(); }

 private:
  const range_list* ranges_ = nullptr;
};

}  // namespace allot

template <>
struct ranges::ext::enable_view<allot::heap_blocks> : std::true_type {};
