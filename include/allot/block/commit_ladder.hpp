#pragma once

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <cstddef>
#include <limits>

namespace allot {

/// How a reservation that fills from its start is committed.
enum class commit_policy {
  ladder,      ///< few calls to the system and little memory ahead of use: doubling at first, then steps
  fixed_step,  ///< always by the same step: the least memory ahead of use that calls for
  doubling,    ///< always twice what there is: the fewest calls
};

/// How far to commit a reservation.
///
/// The ladder doubles from 64 KiB to one step; then it grows by steps of 256 KiB, or, where huge pages are wanted, by
/// half of what there is in multiples of 2 MiB: huge pages come only to ranges that are committed whole.
struct commit_ladder {
  static constexpr std::size_t first = std::size_t{64} << 10;              ///< bytes; what doubling begins with
  static constexpr std::size_t small_step = std::size_t{256} << 10;        ///< bytes, without huge pages
  static constexpr std::size_t huge_step = std::size_t{2} << 20;           ///< bytes; the unit of steps for huge pages
  static constexpr std::size_t largest_huge_step = std::size_t{64} << 20;  ///< bytes; where growing by half ends

  std::size_t page_size = 0;                     ///< every target is a multiple, but for the end of the reservation
  bool huge_pages = false;                       ///< huge pages are wanted
  commit_policy policy = commit_policy::ladder;  ///< how far beyond what is needed to commit
  std::size_t fixed_step = huge_step;            ///< bytes, of that policy

  /// Bytes to be committed in all, of a reservation of `reserved` bytes that has `committed` and needs `needed`.
  std::size_t target(std::size_t committed, std::size_t needed, std::size_t reserved) const noexcept {
    switch (policy) {
      case commit_policy::fixed_step:
        return within(rounded_up(needed, std::max<std::size_t>(fixed_step, 1)), reserved);
      case commit_policy::doubling:
        return within((std::max)({first, needed, committed + (std::min)(committed, max_object_bytes)}), reserved);
      case commit_policy::ladder:
        break;
    }
    const std::size_t step = huge_pages ? huge_step : small_step;
    std::size_t wanted = first;
    if (committed >= step) {
      wanted = committed + (huge_pages ? std::clamp(committed / 2, huge_step, largest_huge_step) : small_step);
    } else if (committed != 0) {
      wanted = committed * 2;
    }
    wanted = (std::max)(wanted, needed);
    if (wanted > step) wanted = align_up(wanted, step);
    return within(wanted, reserved);
  }

  /// The least that may be committed for `needed` bytes.
  std::size_t least(std::size_t needed, std::size_t reserved) const noexcept { return within(needed, reserved); }

  /// What stays committed when all but `needed` bytes are given back: large pages are not split.
  std::size_t kept(std::size_t needed, std::size_t reserved) const noexcept {
    return within(huge_pages && needed > huge_step ? rounded_up(needed, huge_step) : needed, reserved);
  }

  /// Whether memory for a step is better had at once: what fills from one end will need its small pages next, and they
  /// cost a third less together than fault by fault.
  bool populates(std::size_t step) const noexcept {
    return policy == commit_policy::ladder && !huge_pages && step == small_step;
  }

 private:
  std::size_t within(std::size_t bytes, std::size_t reserved) const noexcept {
    return (std::min)(rounded_up(bytes, page_size), reserved);
  }

  static std::size_t rounded_up(std::size_t bytes, std::size_t unit) noexcept {
    return bytes > (std::numeric_limits<std::size_t>::max)() - unit ? bytes : (bytes + unit - 1) / unit * unit;
  }
};

}  // namespace allot
