#pragma once

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <cstddef>
#include <cstdint>

namespace allot {

/// The alignment of pushes that give none, as what an inline push needs: it adds a mask to the cursor and keeps some
/// bits of the sum. Where the alignment follows from the size that sum lies beyond any window, and the push goes the
/// slow way.
class auto_alignment {
 public:
  /// An alignment that follows from the size: the largest power of two that divides it, at most that of
  /// std::max_align_t. Enough for every type of that size that does not ask for more by alignas.
  static constexpr std::size_t natural = 0;

  /// What `natural` comes to for so many bytes; 1 for none.
  static constexpr std::size_t natural_for(std::size_t bytes) noexcept {
    const std::size_t divisor = bytes & (~bytes + 1);
    return (std::min)(std::max<std::size_t>(divisor, 1), alignof(std::max_align_t));
  }

  /// Whether this is a power of two, or `natural`.
  static constexpr bool valid(std::size_t alignment) noexcept {
    return alignment == natural || is_power_of_two(alignment);
  }

  /// @param alignment  a valid one
  explicit constexpr auto_alignment(std::size_t alignment) noexcept
      : value_(alignment),
        mask_(alignment == natural ? ~std::uintptr_t{0} / 4 : alignment - 1),
        keep_(alignment == natural ? ~std::uintptr_t{0} : ~mask_) {}

  constexpr std::size_t value() const noexcept { return value_; }   ///< a power of two, or `natural`
  constexpr std::uintptr_t mask() const noexcept { return mask_; }  ///< added to the cursor
  constexpr std::uintptr_t keep() const noexcept { return keep_; }  ///< the bits of that sum that are kept

 private:
  std::size_t value_;
  std::uintptr_t mask_;
  std::uintptr_t keep_;
};

}  // namespace allot
