#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/core/resource.hpp>
#include <array>
#include <cstddef>
#include <memory_resource>
#include <string_view>
#include <vector>

namespace allot {

/// Some of a heap's blocks.
struct heap_share {
  std::size_t blocks = 0;  ///< how many
  std::size_t bytes = 0;   ///< in them
};

/// One share for each state that a map tells apart.
class ALLOT_EXPORT heap_shares {
 public:
  /// Guards, slack and gaps count as unknown, in the few walks that have any.
  static constexpr std::array<block_state, 4> states{block_state::used, block_state::free, block_state::quarantined,
                                                     block_state::unknown};
  /// Which of `states` a state counts as.
  static constexpr std::size_t place_of(block_state state) noexcept {
    for (std::size_t i = 0; i < states.size(); ++i)
      if (states[i] == state) return i;
    return states.size() - 1;
  }

  const heap_share& operator[](block_state state) const noexcept { return all_[place_of(state)]; }
  /// Sums stay at the largest number instead of wrapping.
  /// @{
  heap_share sum() const noexcept;
  void add(block_state state, const heap_share& more) noexcept;
  /// @}

 private:
  std::array<heap_share, states.size()> all_;
};

/// A block as its resource tells of it or, in the map of a heap with very many, all blocks that begin in a stretch of
/// addresses.
struct heap_cell {
  const void* begin = nullptr;  ///< of its first block
  std::size_t span = 0;         ///< bytes from there to the end of the last block, gaps included
  std::size_t smallest = 0;     ///< bytes of its smallest block
  std::size_t largest = 0;      ///< bytes of its largest block
  bool exact = false;           ///< the sizes of all its blocks are those that were asked for
  heap_shares shares;           ///< its blocks
};

/// How fine a heap_map is.
struct heap_map_options {
  /// The most cells; a heap with more blocks is summarised. Memory is taken for twice as many. Fewer than 64 count
  /// as 64.
  std::size_t most_cells = 8192;
  /// Where the cells lie; null: pages of the system. May be, or get its memory from, the resource looked at.
  std::pmr::memory_resource* memory = nullptr;
};

/// A resource's blocks at one moment, in the order of their addresses, with figures over all of them: for looking at,
/// drawing (heap_picture.hpp) and comparing.
///
/// A heap of many more blocks than there may be cells is summarised while it is walked: blocks smaller than a window, a
/// power of two, share a cell with the others that begin in the same window of addresses; larger ones keep a cell of
/// their own. The window is doubled until there are few enough cells. The figures are exact either way, and the map
/// takes the same memory for a million blocks as for ten thousand.
///
/// The map owns what it holds and needs the resource no more. Not thread-safe; const calls may come from many threads.
class ALLOT_EXPORT heap_map {
 public:
  /// The other has no cells then; its figures stay.
  heap_map(heap_map&&) noexcept = default;
  heap_map(const heap_map&) = delete;
  heap_map& operator=(const heap_map&) = delete;
  heap_map& operator=(heap_map&&) = delete;

  /// Of the resource, cut off after 31 bytes; of heap_map_of(), both the name given. The texts are in this object.
  /// @{
  std::string_view name() const noexcept { return name_; }
  std::string_view kind() const noexcept { return kind_; }
  /// @}
  /// What the resource said of itself, just before the walk.
  const memory_usage& usage() const noexcept { return usage_; }

  /// By address. Blocks of no bytes are left out.
  const std::pmr::vector<heap_cell>& cells() const noexcept { return cells_; }
  /// Bytes of the stretches of which blocks share a cell; 0: every block has a cell of its own.
  std::size_t window() const noexcept { return window_; }
  bool summarised() const noexcept { return window_ != 0; }  ///< whether there is one

  const heap_shares& shares() const noexcept { return shares_; }  ///< of all blocks
  /// Bytes of the largest block in that state; 0: there is none.
  std::size_t largest(block_state state) const noexcept { return largest_[heap_shares::place_of(state)]; }

  /// 1 - largest free block / all free bytes: 0 when what is free is one block or nothing, near 1 when it is crumbs.
  double fragmentation() const noexcept;

  /// Blocks by size: the i-th share has those of 2^i bytes and more, up to the next power of two.
  /// @{
  static constexpr std::size_t size_steps = 64;
  const heap_shares& of_size(std::size_t step) const noexcept { return sizes_[step]; }
  /// @}

  /// The same with fewer cells, in the same memory or in another.
  /// @throws what the memory throws
  heap_map coarser(std::size_t most_cells, std::pmr::memory_resource* memory = nullptr) const;

 private:
  friend ALLOT_EXPORT heap_map take_heap_map(const resource& walked, const heap_map_options& options);
  friend ALLOT_EXPORT heap_map heap_map_of(std::string_view name, const std::vector<block_info>& blocks,
                                           const heap_map_options& options);

  heap_map(std::size_t most_cells, std::pmr::memory_resource* memory);
  void add(const block_info& block) noexcept;
  void keep(const heap_cell& cell) noexcept;
  void settle() noexcept;
  void merge_within_window() noexcept;
  bool together(const heap_cell& a, const heap_cell& b) const noexcept;

  fixed_text<31> name_;
  fixed_text<31> kind_;
  memory_usage usage_;
  heap_shares shares_;
  std::array<std::size_t, heap_shares::states.size()> largest_{};
  std::array<heap_shares, size_steps> sizes_{};
  std::size_t most_cells_;
  std::size_t window_ = 0;
  std::pmr::vector<heap_cell> cells_;
};

/// Walks the resource's blocks once; see resource::for_each_block() of its class for who may use it meanwhile. What a
/// resource does not tell of is in no cell: some know their free blocks, some only regions, some nothing.
///
/// Memory for all cells is taken before the walk and none during it.
/// @throws what options.memory throws, before anything is walked
[[nodiscard]] ALLOT_EXPORT heap_map take_heap_map(const resource& walked, const heap_map_options& options = {});

/// A map of blocks that are known from elsewhere, such as a trace: only what is said of them is looked at, not their
/// bytes.
/// @throws what options.memory throws
[[nodiscard]] ALLOT_EXPORT heap_map heap_map_of(std::string_view name, const std::vector<block_info>& blocks,
                                                const heap_map_options& options = {});

}  // namespace allot
