#pragma once

#include <allot/core/checked_size.hpp>
#include <allot/inspect/heap_map.hpp>
#include <cstddef>

namespace allot {

/// Where a map's cells go on one long line: bytes to scale, and so are gaps between them as long as they are small.
/// Large gaps are breaks of one length, all of which together take a fifth of the line at most.
class picture_layout {
 public:
  explicit picture_layout(const heap_map& map) noexcept;

  /// Of the line, in bytes as drawn; 0 for an empty map.
  double length() const noexcept { return length_; }
  double largest_gap() const noexcept { return largest_gap_; }  ///< drawn to scale
  double break_length() const noexcept { return break_; }       ///< of each gap beyond

  /// visit(cell, start on the line, whether a break comes before)
  template <class Visit>
  void for_each(Visit visit) const {
    double at = 0;
    const heap_cell* last = nullptr;
    for (const heap_cell& cell : map_.cells()) {
      const double gap = last != nullptr ? gap_between(*last, cell) : 0;
      at += gap > largest_gap_ ? break_ : gap;
      visit(cell, at, gap > largest_gap_);
      at += static_cast<double>(cell.span);
      last = &cell;
    }
  }

 private:
  static double gap_between(const heap_cell& a, const heap_cell& b) noexcept {
    const std::uintptr_t apart = address_of(b.begin) - address_of(a.begin);
    return apart > a.span ? static_cast<double>(apart - a.span) : 0;
  }

  const heap_map& map_;
  double largest_gap_ = 0;
  double break_ = 0;
  double length_ = 0;
};

/// What of a stretch of the line is in blocks of which state, as parts of 1.
struct picture_shares {
  double used = 0;
  double free = 0;
  double quarantined = 0;
  double unknown = 0;
};

picture_shares shares_of(const heap_cell& cell) noexcept;

}  // namespace allot
