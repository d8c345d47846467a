#pragma once

#include <cstddef>

namespace allot {

/// Block sizes for pooled requests: 16 to 128 bytes in steps of 8, then four classes to each doubling up to `largest`.
/// At most 20 % of a block is lost to rounding from 128 bytes up, at most 7 bytes below. 47 classes up to 32 KiB.
///
/// The spacing is the one of segregated-fit allocators since the 1990s (Wilson et al., "Dynamic Storage Allocation: A
/// Survey and Critical Review", 1995, section on size classes). All functions are constant expressions and keep no
/// state.
class size_classes {
 public:
  static constexpr std::size_t smallest = 16;                    ///< bytes, of the first class
  static constexpr std::size_t largest = std::size_t{32} << 10;  ///< bytes, of the last class
  static constexpr std::size_t count = 47;                       ///< of classes

  /// Bytes in a block of class `index`, which is below count.
  static constexpr std::size_t block_bytes(std::size_t index) noexcept {
    if (index < linear_count) return smallest + index * linear_step;
    const std::size_t above = index - linear_count;
    const std::size_t base = linear_end << (above / per_doubling);
    return base + base / per_doubling * (above % per_doubling + 1);
  }

  /// The class of the smallest block that holds `bytes`; count when none does. 0 bytes count as 1.
  static constexpr std::size_t index_of(std::size_t bytes) noexcept {
    if (bytes > largest) return count;
    if (bytes <= smallest) return 0;
    if (bytes <= linear_end) return (bytes - smallest + linear_step - 1) / linear_step;
    std::size_t base = linear_end;
    std::size_t index = linear_count;
    while (bytes > base * 2) {
      base *= 2;
      index += per_doubling;
    }
    const std::size_t step = base / per_doubling;
    return index + (bytes - base + step - 1) / step - 1;
  }

 private:
  static constexpr std::size_t linear_step = 8;
  static constexpr std::size_t linear_end = 128;
  static constexpr std::size_t linear_count = (linear_end - smallest) / linear_step + 1;
  static constexpr std::size_t per_doubling = 4;
};

}  // namespace allot
