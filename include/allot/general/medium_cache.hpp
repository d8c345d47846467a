#pragma once

#include <algorithm>
#include <allot/core/bits.hpp>
#include <allot/core/compiler.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <cstddef>
#include <cstdint>

namespace allot {

/// Keeps a few freed blocks of a heap at hand, by size, so that medium blocks that come and go do not each pay for
/// being split off and merged. Sizes are rounded up so that blocks fit each other: to an eighth of the power of two
/// below.
///
/// Not thread-safe.
class ALLOT_EXPORT medium_cache {
 public:
  static constexpr std::size_t smallest = 256;                   ///< bytes; requests above it
  static constexpr std::size_t largest = std::size_t{32} << 10;  ///< bytes; and up to it

  medium_cache() noexcept;

  /// What a block for so many bytes has, `smallest` + 1 to `largest`.
  static std::size_t rounded(std::size_t bytes) noexcept {
    const std::size_t step = std::size_t{1} << (highest_bit(bytes - 1) - 3);
    return (bytes + step - 1) & ~(step - 1);
  }

  /// Null where none is at hand. `bytes` are rounded, here and below.
  ALLOT_ALWAYS_INLINE void* take(std::size_t bytes) noexcept {
    bin& from = bins_[bin_of(bytes)];
    if (from.count == 0) return nullptr;
    held_ -= bytes;
    return from.blocks[--from.count];
  }
  /// False where there are enough.
  ALLOT_ALWAYS_INLINE bool put(void* p, std::size_t bytes) noexcept {
    bin& to = bins_[bin_of(bytes)];
    if (to.count == to.most_kept || bytes > room()) return false;
    held_ += bytes;
    to.blocks[to.count++] = p;
    return true;
  }
  /// How much may be at hand in all: an eighth of what the heap has in use, and a little always.
  void fit_to(std::size_t used) noexcept { limit_ = (std::max)(least_limit, used / 8); }

  /// Gives half of those of a size back to the heap.
  void make_room(std::size_t bytes, coalescing_heap& heap);

  /// Gives all blocks back to the heap.
  void empty_into(coalescing_heap& heap);
  /// For a heap that was released: its blocks are no more.
  void forget() noexcept {
    for (bin& each : bins_) each.count = 0;
    held_ = 0;
  }
  /// Whether a block that starts at p is at hand.
  bool holds(const void* p) const noexcept;
  /// The same of a block of a size that is known.
  bool holds(const void* p, std::size_t bytes) const noexcept;
  std::size_t bytes() const noexcept { return held_; }  ///< of all blocks

 private:
  static constexpr std::size_t most = 16;  // blocks of one size
  static constexpr std::size_t fewest = 4;
  static constexpr std::size_t most_bytes = std::size_t{64} << 10;  // and most bytes of them, but for the fewest
  static constexpr std::size_t least_limit = std::size_t{128} << 10;
  static constexpr std::size_t bin_count = std::size_t{7} * 8;
  struct bin {
    std::uint32_t count = 0;
    std::uint32_t most_kept = 0;
    void* blocks[most];
  };

  std::size_t room() const noexcept { return limit_ - (std::min)(limit_, held_); }
  static std::size_t bin_of(std::size_t bytes) noexcept {
    const std::size_t power = highest_bit(bytes - 1);
    return (power - 8) * 8 + ((bytes - 1) >> (power - 3)) - 8;
  }
  static std::size_t bytes_of(std::size_t bin) noexcept { return (bin % 8 + 9) << (bin / 8 + 5); }

  std::size_t held_ = 0;
  std::size_t limit_ = least_limit;
  bin bins_[bin_count];
};

}  // namespace allot
