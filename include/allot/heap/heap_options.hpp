#pragma once

#include <allot/core/misuse.hpp>
#include <cstddef>
#include <string_view>

namespace allot {

/// How a coalescing_heap gets and divides its memory. Sizes are in bytes.
struct heap_options {
  std::size_t reserve = 0;      ///< address space of a range of an own reservation; 0: 1 GiB (64 MiB with 32-bit
                                ///< pointers), and less where refused
  std::size_t commit_step = 0;  ///< always commit an own reservation by this much; 0: as commit_ladder does
  std::size_t page_size = 0;    ///< of an own reservation and of page_local; rounded up to a multiple of the system's
                                ///< page, which 0 stands for
  bool huge_pages = false;      ///< of an own reservation: advise the system to back it with huge pages
  std::size_t first_chunk = std::size_t{64} << 10;         ///< asked of an upstream at first, and the least later
  std::size_t largest_chunk = std::size_t{256} << 20;      ///< chunks are as large as all before them, up to this
  bool page_local = false;                                 ///< blocks no larger than a page never straddle two
  std::size_t large_threshold = std::size_t{1} << 20;      ///< blocks from this size on start at a page, where the
                                                           ///< memory is the system's, so that trim() can give all back
  std::size_t decommit_threshold = std::size_t{64} << 10;  ///< trim() gives pages of a free block back if they are at
                                                           ///< least this much: fewer cost more than they bring
  std::string_view name = {};                              ///< what reports call it; empty: its kind
  bool checked = checked_by_default();  ///< find overruns, and wrong sizes to the byte, by a fence of 1 to 16 bytes
                                        ///< behind each block; all other misuse is found always
};

}  // namespace allot
