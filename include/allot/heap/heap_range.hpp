#pragma once

#include <allot/block/reserved_range.hpp>
#include <allot/core/compiler.hpp>
#include <allot/heap/granule_table.hpp>
#include <allot/heap/heap_options.hpp>
#include <allot/os/virtual_memory.hpp>
#include <cstddef>
#include <cstdint>

namespace allot {

/// One range of a heap's memory and its granule table. In memory of others it has all of that from the start; on own
/// reservations it grows within what there is room for. It lies in the memory it is about, or beside it:
///
///     in memory of others    | heap_range | granule table | blocks |
///     on own reservations    | heap_range | granule table | room | and apart from it | blocks | room |
///
/// Where a memory tool watches, which must see free blocks as inaccessible, the nodes that link free blocks lie in a
/// mapping of their own, at the same distance from their blocks throughout the range.
///
/// Not thread-safe.
class ALLOT_EXPORT heap_range {
 public:
  heap_range(const heap_range&) = delete;
  heap_range& operator=(const heap_range&) = delete;

  /// A range that holds nothing.
  heap_range() noexcept = default;

  /// Bytes of memory of others for a range of at least so many granules, wherever it lies.
  static std::size_t bytes_for(std::size_t granules) noexcept;

  /// Granules there would be room for in such memory.
  static std::size_t granules_in(const void* memory, std::size_t bytes) noexcept;

  /// A range in memory of others. Null where there is no room for a block, or, for a tool, the system has no more.
  static heap_range* make_in(void* memory, std::size_t bytes, bool watched) noexcept;

  /// A range on reservations of its own: of as much as `bytes` where the system has it, at least of `least`.
  /// On failure `made` is null.
  static os::status make_reserved(std::size_t bytes, std::size_t least, const commit_ladder& ladder, bool watched,
                                  heap_range*& made) noexcept;

  /// Ends a range. On memory of others that is theirs again.
  static void drop(heap_range& range) noexcept;

  std::byte* begin() const noexcept { return begin_; }
  std::size_t granules() const noexcept { return granules_; }            ///< that are in blocks
  std::size_t most_granules() const noexcept { return most_granules_; }  ///< there is room for
  granule_table& table() noexcept { return table_; }                     ///< of its granules
  const granule_table& table() const noexcept { return table_; }         ///< of its granules

  /// Whether p lies among the granules there are.
  bool holds(const void* p) const noexcept { return address_of(p) - address_of(begin_) < bytes_in_blocks_; }
  /// Of an address it holds.
  std::size_t granule_of(const void* p) const noexcept {
    return (address_of(p) - address_of(begin_)) / granule_table::granule;
  }
  std::byte* at(std::size_t granule) const noexcept { return begin_ + granule * granule_table::granule; }

  /// Where the node of a free block lies: in the block itself unless a tool watches.
  void* node_of(std::size_t granule) const noexcept { return nodes_ + granule * granule_table::granule; }
  /// holds() and granule_of() for what node_of() gives.
  /// @{
  bool holds_node(const void* node) const noexcept { return address_of(node) - address_of(nodes_) < bytes_in_blocks_; }
  std::size_t granule_of_node(const void* node) const noexcept {
    return (address_of(node) - address_of(nodes_)) / granule_table::granule;
  }
  /// @}

  /// Adds granules until there are at least `least`. They belong to no block yet. On failure, which is limit_reached
  /// where there is no room for them, nothing has changed.
  os::status grow(std::size_t least) noexcept;
  /// Gives the memory behind the first `kept` granules back to the system, of an own reservation, as far as it is whole
  /// pages. There are fewer granules then; all of those belonged to a free block. Nothing happens on failure.
  void shrink(std::size_t kept) noexcept;

  // ---- pages of an own reservation that free blocks need not keep
  bool is_reserved() const noexcept { return reserved_ != nullptr; }  ///< whether it is on reservations of its own
  /// Gives pages that lie in the free block back to the system, but for those its node needs, if they come to at least
  /// `threshold` bytes and hold anything. Returns how many bytes that were.
  std::size_t drop_pages(std::size_t at, std::size_t granules, std::size_t threshold) noexcept;
  /// Whether pages are gone that touch() has not had back yet.
  bool has_dropped_pages() const noexcept { return dropped_pages_ != 0; }
  /// To be called when granules of a block come into use, or its node is written.
  void touch(std::size_t at, std::size_t granules) noexcept {
    if (!ALLOT_LIKELY(dropped_pages_ == 0)) touch_pages(at, granules);
  }

  // ---- bytes
  std::size_t held_bytes() const noexcept;           ///< of memory of others, or reserved
  std::size_t committed_bytes() const noexcept;      ///< of these, bytes that may be touched, but for pages dropped
  std::size_t book_bytes() const noexcept;           ///< of these, what is no granule
  void* memory() const noexcept { return memory_; }  ///< of others

 private:
  struct reserved_parts;
  static const std::size_t reserved_header;  // bytes of the books before the table

  bool map_nodes() noexcept;
  void set_granules(std::size_t granules) noexcept;
  void touch_pages(std::size_t at, std::size_t granules) noexcept;
  std::size_t books_for(std::size_t granules) const noexcept;

  std::byte* begin_ = nullptr;
  std::size_t bytes_in_blocks_ = 0;
  std::size_t granules_ = 0;
  granule_table table_;
  std::byte* nodes_ = nullptr;
  std::size_t dropped_pages_ = 0;
  std::size_t most_granules_ = 0;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
  reserved_parts* reserved_ = nullptr;
};

}  // namespace allot
