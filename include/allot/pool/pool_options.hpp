#pragma once

#include <allot/core/misuse.hpp>
#include <cstddef>
#include <initializer_list>
#include <memory_resource>
#include <string_view>

namespace allot {

/// Which sizes a pool's blocks have. Requests are served by the smallest block that holds them.
enum class size_spacing {
  four_per_doubling,   ///< 16 to 128 bytes in steps of 8, then four to the doubling: at most 20 % lost beyond 128 bytes
  eight_per_doubling,  ///< 16 to 256 in steps of 8, then eight to the doubling: at most 11 %, with twice the caches
  power_of_two,        ///< fewest sizes, and up to half of a block lost
  geometric,           ///< each size `pool_options::growth` times the one before
  exact,               ///< those of `pool_options::sizes`
};

/// When chunks that hold no live block go back to the upstream.
enum class chunk_return {
  by_trim,  ///< when trim() is called: a program that frees and allocates in waves does not pay for each
  at_once,  ///< as soon as all their blocks are back in the slabs, but for one spare if `keep_spare`
};

/// How a pool gets and divides its memory. Sizes are in bytes; what is out of range is brought to the nearest that is
/// in it, and options() of a pool says what became of it.
///
/// From std::pmr::pool_options: `largest_required_pool_block`, above which requests go to the upstream one by one (0,
/// the default, and the most: 32 KiB), and `max_blocks_per_chunk`, the most blocks of the size asked for that a chunk
/// is made for (0, the default: as many as a chunk of that size has room for).
struct pool_options : std::pmr::pool_options {
  pool_options() noexcept {}  // so that a brace list is one of std::pmr::pool_options
  /// The standard's two as they are.
  explicit pool_options(const std::pmr::pool_options& standard) noexcept : std::pmr::pool_options(standard) {}

  size_spacing spacing = size_spacing::four_per_doubling;  ///< which block sizes there are
  double growth = 1.25;                                    ///< of size_spacing::geometric; 1.05 to 4
  const std::size_t* sizes = nullptr;  ///< of size_spacing::exact: in any order, read when the pool is made
  std::size_t size_count = 0;          ///< how many those are, at most 96

  std::size_t magazine_blocks = 126;  ///< most blocks of one size in a magazine, of which there are two
  std::size_t magazine_bytes = std::size_t{16} << 10;  ///< most bytes in it, but for so many blocks:
  std::size_t fewest_in_magazine = 8;  ///< blocks that may be in it whatever their size, up to magazine_blocks
  std::size_t largest_slab = std::size_t{64} << 10;   ///< bytes, and a little more where less is lost at the end
                                                      ///< then; blocks that go and come in no order are faster with
                                                      ///< large ones, and leave fewer small ones empty to be used anew
  std::size_t first_chunk = std::size_t{64} << 10;    ///< bytes asked of the upstream at first, and the least later
  std::size_t largest_chunk = std::size_t{64} << 20;  ///< chunks are an eighth of what is held, up to this

  bool cache_line_blocks = false;                ///< blocks of 64 bytes and more never share a cache line
  bool page_local = false;                       ///< blocks no larger than a page never straddle two
  chunk_return returns = chunk_return::by_trim;  ///< when empty chunks go back
  bool keep_spare = true;                        ///< with chunk_return::at_once: keep one empty chunk for what comes
  bool zero_on_free = false;                     ///< overwrite blocks with zeros when they are freed
  std::string_view name = {};                    ///< what reports call it; empty: its kind
  bool checked = checked_by_default();  ///< find double frees, foreign pointers and wrong sizes at the free itself
};

}  // namespace allot
