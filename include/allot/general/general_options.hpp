#pragma once

#include <allot/core/misuse.hpp>
#include <cstddef>
#include <string_view>

namespace allot {

/// How a general_resource divides requests among its tiers, and gets its memory. Sizes are in bytes.
struct general_options {
  std::size_t small_limit = 0;  ///< requests up to this come from pools, 32 KiB at most; 0: 512, and 8 KiB where
                                ///< threads would have to take a lock for others
  std::size_t large_threshold = std::size_t{1} << 20;  ///< those from this on start at pages; 64 KiB at least
  std::size_t return_after = std::size_t{64} << 20;  ///< large blocks freed, all together, until what is free goes back
                                                     ///< to the system or the upstream; 0: only by trim()
  std::size_t reserve = 0;                           ///< as heap_options::reserve
  bool huge_pages = false;                           ///< as heap_options::huge_pages
  std::string_view name = {};                        ///< what reports call it; empty: its kind
  bool checked = checked_by_default();  ///< find misuse at the free itself, in all tiers, and overruns of the larger
                                        ///< ones; otherwise a block may be kept at hand before it is looked at
};

/// What one tier of a general_resource has, in bytes but for the count.
struct general_tier {
  std::size_t largest_request = 0;  ///< of those it serves
  std::size_t live_blocks = 0;      ///< handed out now
  std::size_t live_bytes = 0;       ///< of these, as they are rounded up
  std::size_t held_bytes = 0;       ///< of the heap's memory: for small blocks whole chunks, else live_bytes
};

/// Who served what, by the sizes of blocks.
struct general_statistics {
  general_tier small_tier;   ///< from pools
  general_tier medium_tier;  ///< from the heap
  general_tier large_tier;   ///< from the heap, at pages
};

}  // namespace allot
