#pragma once

#include <allot/core/checked_size.hpp>
#include <allot/core/compiler.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace allot {

/// The memory an arena hands out from, by moving a cursor up.
///
///     |pushed.......|      room      |
///     first_  cursor_             end_
///
/// The inline path sees it up to limit_: that is end_, or null when the arena is watched and every call must go the
/// slow way. Other threads may set it to null, so that the owner's next call takes the slow way and finds out why; for
/// the rest not thread-safe.
class bump_window {
 protected:
  bump_window() noexcept = default;
  /// The other has no window then. limit_ stays null: the first call looks who listens.
  bump_window(bump_window&& other) noexcept
      : cursor_(std::exchange(other.cursor_, nullptr)),
        end_(std::exchange(other.end_, nullptr)),
        first_(std::exchange(other.first_, nullptr)),
        high_(std::exchange(other.high_, nullptr)),
        origin_(std::exchange(other.origin_, 0)) {}
  bump_window& operator=(bump_window&&) = delete;
  ~bump_window() = default;

  /// Whether addresses end so far below the largest number that no sum of take_inline() wraps.
  static constexpr bool sums_fit = sizeof(std::uintptr_t) >= 8;

  /// Whether a number can be added to any address twice without passing the end of the address space, where that has
  /// room enough; one that can be compared with in one instruction. False for 0 - 1, which sends 0 bytes and alignment
  /// 0 the slow way.
  static constexpr bool addable(std::uintptr_t value) noexcept { return value <= (sums_fit ? 0x7fffffff : 0xfffffff); }

  /// The same for an alignment as callers state it; whether it is a power of two is not looked at. False, too, for 0
  /// bytes, alignment 0 and what is not addable().
  bool take_inline(std::size_t bytes, std::size_t alignment, void*& p) noexcept {
    const std::uintptr_t mask = alignment - 1;
    return ALLOT_LIKELY(addable(mask)) && ALLOT_LIKELY(addable(bytes - 1)) && take_inline(bytes, mask, ~mask, p);
  }

  /// The whole fast path. False, and nothing changed, when the window has not that much.
  bool take_inline(std::size_t bytes, std::uintptr_t mask, std::uintptr_t keep, void*& p) noexcept {
    const std::uintptr_t start = address_of(cursor_);
    const std::uintptr_t aligned = (start + mask) & keep;
    const std::uintptr_t end = aligned + bytes;
    bool fits;
    ALLOT_AT_MOST(fits, end, limit_);
    if (!ALLOT_LIKELY(fits)) return false;
    if constexpr (!sums_fit) {
      if (aligned < start || end < aligned) return false;
    }
    cursor_ = reinterpret_cast<std::byte*>(end);
    p = reinterpret_cast<void*>(aligned);
    return true;
  }

  std::byte* cursor_ = nullptr;             ///< what is below is handed out
  std::atomic<std::byte*> limit_{nullptr};  ///< the end inline calls see: end_, or null
  std::byte* end_ = nullptr;                ///< where the window ends
  std::byte* first_ = nullptr;              ///< where the window starts
  std::byte* high_ = nullptr;               ///< the highest the cursor was in this window before it went down
  std::uintptr_t origin_ = 0;               ///< the address position 0 would have in this window
};

}  // namespace allot
