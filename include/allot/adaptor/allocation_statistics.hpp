#pragma once

#include <algorithm>
#include <allot/core/bits.hpp>
#include <allot/core/compiler.hpp>
#include <array>
#include <cstddef>
#include <iosfwd>

namespace allot {

/// What went through a resource during some time. Sizes are in bytes, as callers asked for them.
///
/// What is live is signed: a time that began later than the blocks that are freed in it has fewer live bytes at its end
/// than at its start.
struct allocation_statistics {
  /// One bucket for sizes up to 1, 2, 4, 8 and so on, the last for 2 to the power of 63 and more.
  static constexpr std::size_t buckets = 64;

  std::ptrdiff_t live_blocks = 0;            ///< allocated and not freed
  std::ptrdiff_t live_bytes = 0;             ///< in them
  std::ptrdiff_t peak_blocks = 0;            ///< the most live_blocks has been, and at least 0
  std::ptrdiff_t peak_bytes = 0;             ///< the most live_bytes has been, and at least 0
  std::size_t total_blocks = 0;              ///< ever allocated
  std::size_t total_bytes = 0;               ///< ever allocated, with what blocks grew in place
  std::size_t failures = 0;                  ///< requests that were refused
  std::array<std::size_t, buckets> sizes{};  ///< how many allocations were of a size of the bucket

  /// The bucket a size belongs to: the first whose bound it does not pass.
  static std::size_t bucket_of(std::size_t bytes) noexcept {
    return bytes <= 1 ? 0 : (std::min)(highest_bit(bytes - 1) + 1, buckets - 1);
  }
  /// The largest size that belongs to the bucket.
  ALLOT_EXPORT static std::size_t bucket_bound(std::size_t bucket) noexcept;

  /// Blocks that were allocated and are live no more.
  std::size_t freed_blocks() const noexcept { return total_blocks - static_cast<std::size_t>(live_blocks); }
};

/// What went through between two snapshots of one resource: each number's difference, so of a peak what it rose by.
ALLOT_EXPORT allocation_statistics difference(const allocation_statistics& before,
                                              const allocation_statistics& after) noexcept;

/// A line for each number, and one for each bucket that is not empty.
ALLOT_EXPORT std::ostream& operator<<(std::ostream& out, const allocation_statistics& statistics);

}  // namespace allot
