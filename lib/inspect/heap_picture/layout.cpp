#include "layout.hpp"

#include <algorithm>

namespace allot {

picture_layout::picture_layout(const heap_map& map) noexcept : map_(map) {
  constexpr double most_breaks = 1.0 / 4;  // of what is in cells
  constexpr double small = 1.0 / 64;
  double in_cells = 0;
  for (const heap_cell& cell : map.cells()) in_cells += static_cast<double>(cell.span);
  largest_gap_ = in_cells * small;

  std::size_t breaks = 0;
  for_each([&](const heap_cell&, double, bool broken) { breaks += broken ? 1 : 0; });
  if (breaks != 0) break_ = std::min(largest_gap_, in_cells * most_breaks / static_cast<double>(breaks));
  for_each([&](const heap_cell& cell, double at, bool) { length_ = at + static_cast<double>(cell.span); });
}

picture_shares shares_of(const heap_cell& cell) noexcept {
  const auto part = [&](block_state state) {
    return std::min(1.0, static_cast<double>(cell.shares[state].bytes) / static_cast<double>(cell.span));
  };
  return {part(block_state::used), part(block_state::free), part(block_state::quarantined), part(block_state::unknown)};
}

}  // namespace allot
