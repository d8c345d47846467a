#pragma once

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <cstddef>

namespace allot {

/// How far to commit a reservation that fills from its start. Few calls to the system, and little memory ahead of use:
/// from 64 KiB it doubles to one step; then it grows by steps of 256 KiB, or, where huge pages are wanted, by half of
/// what there is in multiples of 2 MiB: huge pages come only to ranges that are committed whole.
struct commit_ladder {
  static constexpr std::size_t first = std::size_t{64} << 10;
  static constexpr std::size_t small_step = std::size_t{256} << 10;
  static constexpr std::size_t huge_step = std::size_t{2} << 20;
  static constexpr std::size_t largest_huge_step = std::size_t{64} << 20;

  std::size_t page_size = 0;  ///< every target is a multiple, but for the end of the reservation
  bool huge_pages = false;

  /// Bytes to be committed in all, of a reservation of `reserved` bytes that has `committed` and needs `needed`.
  std::size_t target(std::size_t committed, std::size_t needed, std::size_t reserved) const noexcept {
    const std::size_t step = huge_pages ? huge_step : small_step;
    std::size_t wanted = first;
    if (committed >= step) {
      wanted = committed + (huge_pages ? std::clamp(committed / 2, huge_step, largest_huge_step) : small_step);
    } else if (committed != 0) {
      wanted = committed * 2;
    }
    wanted = std::max(wanted, needed);
    if (wanted > step) wanted = align_up(wanted, step);
    return std::min(whole_pages(wanted), reserved);
  }

  /// The least that may be committed for `needed` bytes.
  std::size_t least(std::size_t needed, std::size_t reserved) const noexcept {
    return std::min(whole_pages(needed), reserved);
  }

  /// Whether memory for a step is better had at once: an arena fills from one end, and small pages that will be needed
  /// next cost a third less together than fault by fault.
  bool populates(std::size_t step) const noexcept { return !huge_pages && step == small_step; }

 private:
  std::size_t whole_pages(std::size_t bytes) const noexcept { return (bytes + page_size - 1) / page_size * page_size; }
};

}  // namespace allot
