#pragma once

#include <cstddef>
#include <iterator>
#include <type_traits>

namespace ranges::ext {
template <class T>
struct enable_view;  // range-v3's way to be told what is a view
}

namespace allot {

/// What a pool has of one block size. Bytes but for the counts.
struct pool_bin {
  std::size_t block_bytes = 0;  ///< the size
  std::size_t live = 0;         ///< blocks in use
  std::size_t cached = 0;       ///< free blocks in magazines
  std::size_t slabs = 0;        ///< that hold them
  std::size_t bytes = 0;        ///< of those slabs
  std::size_t waste = 0;        ///< of these, bytes in no such block: tails, what placement costs, and magazines' own
};

/// The bins of a pool, smallest blocks first: a view with random access, each element made when it is looked at. Any
/// call that changes the pool may change what it shows; of sizes there are none of any more, all is 0.
template <class Pool>
class bin_range {
 public:
  /// Over the bins in the order of their sizes.
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;  // random access but for references, which is enough for ranges
    using iterator_concept = std::random_access_iterator_tag;  ///< what ranges go by
    using value_type = pool_bin;
    using difference_type = std::ptrdiff_t;
    using reference = pool_bin;
    using pointer = void;

    iterator() noexcept = default;
    iterator(const Pool* pool, difference_type at) noexcept : pool_(pool), at_(at) {}

    pool_bin operator*() const { return pool_->bin(static_cast<std::size_t>(at_)); }
    pool_bin operator[](difference_type n) const { return *(*this + n); }
    iterator& operator++() noexcept { return *this += 1; }
    iterator& operator--() noexcept { return *this += -1; }
    iterator operator++(int) noexcept { return step(1); }
    iterator operator--(int) noexcept { return step(-1); }
    iterator& operator+=(difference_type n) noexcept {
      at_ += n;
      return *this;
    }
    iterator& operator-=(difference_type n) noexcept { return *this += -n; }
    friend iterator operator+(iterator i, difference_type n) noexcept { return i += n; }
    friend iterator operator+(difference_type n, iterator i) noexcept { return i += n; }
    friend iterator operator-(iterator i, difference_type n) noexcept { return i -= n; }
    friend difference_type operator-(const iterator& a, const iterator& b) noexcept { return a.at_ - b.at_; }
    friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.at_ == b.at_; }
    friend bool operator!=(const iterator& a, const iterator& b) noexcept { return a.at_ != b.at_; }
    friend bool operator<(const iterator& a, const iterator& b) noexcept { return a.at_ < b.at_; }
    friend bool operator>(const iterator& a, const iterator& b) noexcept { return b < a; }
    friend bool operator<=(const iterator& a, const iterator& b) noexcept { return !(b < a); }
    friend bool operator>=(const iterator& a, const iterator& b) noexcept { return !(a < b); }

   private:
    iterator step(difference_type n) noexcept {
      const iterator before = *this;
      at_ += n;
      return before;
    }

    const Pool* pool_ = nullptr;
    difference_type at_ = 0;
  };

  bin_range() noexcept = default;
  /// For pools alone.
  bin_range(const Pool& pool, std::size_t count) noexcept : pool_(&pool), count_(count) {}

  iterator begin() const noexcept { return {pool_, 0}; }
  iterator end() const noexcept { return {pool_, static_cast<std::ptrdiff_t>(count_)}; }
  std::size_t size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  pool_bin operator[](std::size_t at) const { return pool_->bin(at); }

 private:
  const Pool* pool_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace allot

template <class Pool>
struct ranges::ext::enable_view<allot::bin_range<Pool>> : std::true_type {};
