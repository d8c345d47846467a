#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <allot/pool/chunk_sightings.hpp>
#include <allot/pool/magazine.hpp>
#include <allot/pool/pool_options.hpp>
#include <allot/pool/size_table.hpp>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string_view>

namespace allot {

/// The blocks of a pool that are in no magazine: chunks from the upstream, divided into slabs of blocks of one size,
/// with a bit for every block that is free. Blocks are given out in the order of their addresses, so that what is
/// allocated together lies together, also in memory that has aged.
///
///     chunk   | header, slab headers, bits | unit | unit | unit | ...           |
///     slab                                 | block | block | block | ... in units, as many as a slab should have
///
/// All headers are apart from the blocks. A block's slab is found by way of its chunk, of which there are few, because
/// each is an eighth of what is held already. An empty slab's units serve any size again, though the last slab
/// with free blocks of a size stays as long as nothing else needs it; an empty chunk can go back.
///
/// Where a memory tool watches, free blocks are poisoned, so they can be in no magazine.
///
/// Who throws has changed nothing. Not thread-safe.
class ALLOT_EXPORT slab_store {
 public:
  /// Blocks of one size.
  struct account {
    std::size_t blocks = 0;  ///< of all its slabs
    std::size_t free = 0;    ///< of those, the ones in no magazine and nobody's hands
    std::size_t arrays = 0;  ///< magazines' own
    std::size_t slabs = 0;   ///< how many
    std::size_t bytes = 0;   ///< of slabs, their tails included
  };

  /// Asks the upstream for nothing yet.
  slab_store(const pool_options& options, std::pmr::memory_resource* upstream) noexcept;
  slab_store(const slab_store&) = delete;
  slab_store& operator=(const slab_store&) = delete;

  /// The pool that explanations name for the chunks from now on; null, as at first, for none.
  void belong_to(resource* owner, bool shared) noexcept {
    owner_ = owner;
    shared_ = shared;
  }

  /// Has chunks noted there as blocks are looked up, from now on.
  void note_chunks(chunk_sightings& sightings) noexcept { sightings_ = &sightings; }

  /// In force; the largest pooled size and the most blocks of a chunk as they are.
  pool_options options() const noexcept;
  std::pmr::memory_resource* upstream() const noexcept { return upstream_; }  ///< where chunks come from

  /// Gets the table of sizes from the upstream, where it is not one all pools share.
  /// @throws what the upstream throws
  void start();
  bool started() const noexcept { return sizes_ != nullptr; }  ///< always true where all pools share the table
  /// Gives the table back if there is nothing else.
  void stop_if_empty() noexcept {
    if (entry_count_ == 0) release();
  }

  // ---- sizes, once started
  const size_table& sizes() const noexcept { return *sizes_; }                    ///< of all classes
  std::size_t class_count() const noexcept { return class_count_; }               ///< of these, how many are pooled
  std::size_t class_of(std::size_t bytes, std::size_t alignment) const noexcept;  ///< size_table::no_class: none
  std::uint32_t magazine_capacity(std::size_t index) const noexcept;              ///< the most
  /// Of a class.
  const account& account_of(std::size_t index) const noexcept { return classes_[index].counts; }

  // ---- blocks

  /// At least one and at most `most` free blocks, of the slabs whose turn it is, in the order of their addresses.
  /// Returns how many.
  /// @throws what the upstream throws
  std::uint32_t take(std::size_t index, void** blocks, std::uint32_t most);
  /// Takes back blocks of that class. What is none of them, or free already, is misuse and left alone; `blocks` may be
  /// changed.
  void put(std::size_t index, void** blocks, std::uint32_t count, std::string_view pool);

  /// A larger array for a magazine of that class, out of a slab, if there is to be one and there is room without asking
  /// the upstream. Null otherwise.
  magazine_array* make_array(std::size_t index, std::uint32_t capacity_now) noexcept;
  void drop_array(magazine_array& array) noexcept;  ///< gives it back to its slab

  /// Makes sure of so many free blocks.
  /// @throws what the upstream throws; blocks made by then stay
  void preallocate(std::size_t index, std::size_t count);

  /// What is wrong with freeing p as a block of that class, if anything is.
  struct verdict {
    bool fine = false;                                ///< nothing is
    misuse_kind kind = misuse_kind::foreign_pointer;  ///< otherwise this
    std::size_t block_bytes = 0;                      ///< of the block that is there
  };
  verdict judge(const void* p, std::size_t index) const noexcept;  ///< changes nothing

  /// The block p points into.
  block_info find(const void* p) const noexcept;
  bool owns(const void* p) const noexcept;  ///< whether p lies in a chunk or a table of its own

  /// As resource::live_block().
  block_extent live_block(const void* p) const noexcept;
  /// The same for a chunk that is known, which needs no lock: nothing of it changes as long as the block lives.
  static block_extent live_block_in(const void* chunk, const void* p) noexcept;
  /// Likewise the block's class; size_table::no_class where none starts at p.
  static std::size_t class_in(const void* chunk, const void* p) noexcept;

  /// Marks a block that is in a magazine as free, or as taken again, so that a walk can tell it from one in use.
  void mark(const void* p, bool free) const noexcept;
  void for_each_used(block_visitor visitor) const;  ///< every block that is not free
  void for_each_free(block_visitor visitor) const;  ///< every block that is, and what is in no slab

  void for_each_unused(block_visitor visitor) const;  ///< every stretch of a chunk that is in no slab

  std::size_t taken_bytes() const noexcept { return taken_; }   ///< of blocks that are not free, but for arrays
  std::size_t array_count() const noexcept { return arrays_; }  ///< of magazines' own blocks

  // ---- chunks
  std::size_t held_bytes() const noexcept { return held_; }  ///< from the upstream
  std::size_t free_unit_bytes() const noexcept;              ///< in no slab
  std::size_t spare_tail_bytes() const noexcept;  ///< in no block, of slabs that stay only until they are needed
  std::size_t overhead_bytes() const noexcept;    ///< headers, and what alignment costs
  /// Gives all empty chunks back, the spare too. Returns bytes given back.
  std::size_t trim() noexcept;
  void release() noexcept;  ///< gives all back
  /// Forgets all there is without touching it.
  void abandon() noexcept;
  bool check() const noexcept;  ///< whether chunks, slabs, bits and counts agree

 private:
  struct chunk;
  struct slab;
  struct chunk_entry {
    std::uintptr_t begin;
    chunk* held;
  };
  struct class_state {
    slab* first_open = nullptr;  // slabs with free blocks, in the order they came to have some
    slab* last_open = nullptr;
    account counts;
  };
  struct shape;
  struct run;

  shape shape_of(std::size_t index) const noexcept;
  chunk* chunk_of(const void* p) const noexcept;
  chunk* search_chunk(const void* p) const noexcept;
  void forget_found() noexcept;
  slab* slab_of(const void* p) const noexcept;
  std::uint32_t take_open(std::size_t index, void** blocks, std::uint32_t most) noexcept;
  bool give(std::size_t index, void* p) noexcept;
  bool is_kept(const slab& empty) const noexcept;
  void new_slab(std::size_t index);
  slab* spare_slab(const class_state& state) const noexcept;
  bool reclaim() noexcept;
  bool slab_from_chunks(std::size_t index, const shape& blocks) noexcept;
  void make_slab(chunk& from, const run& units, std::size_t index, const shape& blocks) noexcept;
  void new_chunk(const shape& blocks);
  std::size_t next_chunk_bytes(const shape& blocks) const noexcept;
  void give_back(chunk& empty) noexcept;
  void deallocate(chunk& gone) noexcept;
  void log_given_back(std::size_t bytes) const noexcept;
  void retire(slab& empty) noexcept;
  void link(slab& open) noexcept;
  void unlink(slab& open) noexcept;
  void drop_entries() noexcept;

  std::size_t exact_sizes_[size_table::most_classes] = {};  // what options_ refers to
  const size_table* sizes_ = nullptr;
  std::size_t class_count_ = 0;
  size_table* own_sizes_ = nullptr;
  std::pmr::memory_resource* upstream_;
  pool_options options_;

  class_state classes_[size_table::most_classes];

  static constexpr std::size_t near_entries = 8;
  chunk_entry near_[near_entries] = {};  // used until they are too few
  chunk_entry* entries_ = near_;         // by address
  std::size_t entry_count_ = 0;
  std::size_t entry_room_ = near_entries;
  // The chunks found last, by a part of the address that the largest of them span.
  static constexpr std::size_t found_slots = 512;
  mutable chunk* found_[found_slots] = {};
  unsigned found_shift_ = 0;
  std::size_t held_ = 0;
  std::size_t empty_chunks_ = 0;
  std::size_t taken_ = 0;
  std::size_t arrays_ = 0;
  bool watched_;  // by a memory tool: what is free is poisoned
  bool shared_ = false;
  resource* owner_ = nullptr;
  chunk_sightings* sightings_ = nullptr;
};

}  // namespace allot
