#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <allot/heap/free_index.hpp>
#include <allot/heap/heap_blocks.hpp>
#include <allot/heap/heap_options.hpp>
#include <allot/heap/heap_range.hpp>
#include <allot/heap/range_list.hpp>
#include <cstddef>
#include <memory_resource>
#include <string_view>

namespace allot {

/// What a heap's memory is divided into, in bytes but for the counts.
struct heap_statistics {
  std::size_t live_blocks = 0;   ///< handed out now
  std::size_t live_bytes = 0;    ///< of these, rounded up to granules
  std::size_t free_blocks = 0;   ///< at any place between them
  std::size_t free_bytes = 0;    ///< of these
  std::size_t largest_free = 0;  ///< the largest of these
  std::size_t metadata = 0;      ///< what the heap keeps of its memory for itself
  double fragmentation = 0;      ///< the part of the free bytes that is not in the largest free block, 0 to 1
};

/// The free blocks of a heap that are kept together.
struct heap_bin {
  std::size_t least_bytes = 0;  ///< of a block
  std::size_t blocks = 0;       ///< how many
  std::size_t bytes = 0;        ///< of all together
};

/// A heap for blocks of any size that come and go in any order, merged with both neighbours on every free; what a
/// caller does wrong with a block is found on every free, too.
///
/// The size is known when a block is freed, so a block in use has no header. Where blocks start, and which of them are
/// in use, is noted apart from them in two bits for 16 bytes (granule_table): that a block is in use, starts and ends
/// where the caller says, and whether its neighbours are free, is seen there, and a program that writes beyond its
/// blocks does not damage it. A free block lies in a list of its size, or in a tree if it is large (free_index).
///
/// A request takes the smallest free block that is found in bounded time, and what is left of it stays free: within a
/// few per cent of an exact best fit. The free end of the newest range comes last. Any alignment is met without loss:
/// what lies before it stays free, too.
///
///     range   | used | free | used | used | free     | room to grow |
///
/// The memory is a caller's buffer, chunks from an upstream, or own reservations of address space, committed as they
/// fill. One call looks at a few blocks at most, however many there are, but for the tree: there it is a logarithm.
///
/// Not thread-safe; distinct heaps are independent as far as their upstreams are. About 8.6 KiB large.
class ALLOT_EXPORT coalescing_heap final : public resource {
 public:
  /// On own reservations, the first made with the first block, and another when it is full.
  coalescing_heap() noexcept : coalescing_heap(heap_options{}) {}
  /// The same with other options.
  explicit coalescing_heap(const heap_options& options) noexcept : coalescing_heap(options, nullptr) {}
  /// On chunks from the upstream, which must outlive the heap. Null: as above.
  explicit coalescing_heap(std::pmr::memory_resource* upstream) noexcept : coalescing_heap(heap_options{}, upstream) {}
  /// Both. None of these asks for memory yet.
  coalescing_heap(const heap_options& options, std::pmr::memory_resource* upstream) noexcept;
  /// In the caller's buffer, which is never freed, and nowhere else. A 64th of it and some 100 bytes are not for
  /// blocks.
  coalescing_heap(void* buffer, std::size_t bytes, const heap_options& options = {}) noexcept;
  ~coalescing_heap() override;

  /// @throws what the upstream throws; allocation_error. Nothing has changed.
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return coalescing_heap::do_allocate(bytes, alignment);
  }
  /// Misuse that is noticed is reported, and nothing happens: pointers that are no block's start (inside one, in a free
  /// one, or not of this heap), and sizes that are not the block's, to 16 bytes or exactly when checked.
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    coalescing_heap::do_deallocate(p, bytes, alignment);
  }

  heap_options options() const noexcept;  ///< in force

  /// What a block for so many bytes takes.
  std::size_t block_bytes(std::size_t bytes) const noexcept { return granules_for(bytes) * granule_table::granule; }

  /// Every block, used or free.
  heap_blocks blocks() const noexcept { return heap_blocks(ranges_); }
  heap_statistics statistics() const noexcept;  ///< at this moment; walks all blocks

  /// How many kinds of free blocks are told apart, and one of them; the last is that of all large blocks. The free end
  /// of the newest range is in none.
  static constexpr std::size_t bin_count() noexcept { return free_index::list_count + 1; }
  heap_bin bin(std::size_t at) const noexcept;  ///< `at` below bin_count()

  /// For a heap that is a part of another resource: explanations of addresses name that.
  /// @param shared  whether it may be asked on any thread
  void be_part_of(resource& whole, bool shared) noexcept {
    owner_ = &whole;
    shared_ = shared;
  }

  std::string_view kind() const noexcept override { return "coalescing_heap"; }
  std::pmr::memory_resource* upstream() const noexcept override { return upstream_; }
  /// Takes what it needs of a free block behind, and gives back what is no longer needed.
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  /// In free blocks together. A request for as much need not be met.
  std::size_t available() const noexcept override;
  /// `used` and `peak` count granules, `wasted` is the metadata.
  memory_usage usage() const noexcept override;
  std::size_t used_bytes() const noexcept { return used_ * granule_table::granule; }  ///< usage().used, at once
  bool owns(const void* p) const noexcept override { return ranges_.find(p) != nullptr; }
  block_info find_block(const void* p) const noexcept override;
  block_extent live_block(const void* p) const noexcept override;
  bool try_look_at(const void* p, block_sight& seen) const noexcept override;
  void release() noexcept override;
  bool can_release() const noexcept override { return true; }
  /// Gives back ranges that are empty, and, of own reservations, pages of free blocks.
  std::size_t trim() noexcept override;
  /// Walks all blocks: that they lie side by side, no two free ones do, lists and tree hold exactly the free ones, and
  /// sums agree.
  bool check() const noexcept override;
  void for_each_block(block_visitor visitor) const override;

 private:
  struct request;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;

  std::size_t granules_for(std::size_t bytes) const noexcept;
  bool describe(std::size_t bytes, std::size_t alignment, request& wanted) const noexcept;
  [[noreturn]] void refuse(std::size_t bytes, std::size_t alignment) const;

  void* allocate_from_larger(std::size_t bytes, std::size_t alignment);
  void* allocate_slowly(std::size_t bytes, std::size_t alignment);
  void* take_placed(const request& wanted) noexcept;
  void* take_placed_top(const request& wanted) noexcept;
  void take_top(std::size_t at, std::size_t granules) noexcept;
  void use(heap_range& range, std::size_t at, std::size_t granules, std::size_t there) noexcept;
  void insert_free(heap_range& range, std::size_t at, std::size_t granules) noexcept;
  void touch(heap_range& range, std::size_t at, std::size_t granules, std::size_t there) noexcept;
  void set_top(std::size_t at) noexcept;
  void count_used(std::size_t granules) noexcept;
  void deallocate_larger(void* p, std::size_t bytes, std::size_t alignment);
  void deallocate_slowly(void* p, std::size_t bytes, std::size_t alignment);
  void merge(heap_range& range, std::size_t at, std::size_t granules) noexcept;
  bool extend(heap_range& range, std::size_t at, std::size_t granules) noexcept;
  void hand_out(void* p, std::size_t old_bytes, std::size_t bytes, std::size_t granules) noexcept;

  // How ranges come and go; see ranges.cpp.
  bool top_holds(const request& wanted) const noexcept;
  void obtain(const request& wanted);
  os::status grow_newest(std::size_t granules) noexcept;
  void add_chunk(const request& wanted);
  os::status add_reservation(const request& wanted) noexcept;
  void add_range(heap_range& range) noexcept;
  void open_short_ways() noexcept;
  void open_buffer() noexcept;
  void drop_range(heap_range& range) noexcept;
  void give_back(heap_range& range) noexcept;
  void trim_range(heap_range& range) noexcept;

  // What is wrong with a call, see misuse.cpp. Each is true where nothing is, and has reported it otherwise.
  bool accept(const void* p, std::size_t bytes, std::size_t alignment) const;
  bool accept_fence(const void* p, std::size_t bytes, std::size_t granules) const;
  std::size_t block_bytes_of(const void* p, std::size_t granules) const noexcept;
  void write_fence(void* p, std::size_t bytes, std::size_t granules) const noexcept;

  free_index index_;
  range_list ranges_;
  heap_range* newest_ = nullptr;
  std::size_t top_ = 0;   // where the free block at the end of the newest range starts; its end where there is none
  std::size_t used_ = 0;  // granules
  std::size_t peak_ = 0;
  std::size_t behind_;            // bytes each block has behind what was asked for, at least
  std::size_t simple_limit_ = 0;  // requests up to so many bytes may lie anywhere, with nothing behind them
  std::size_t exact_limit_ = 0;   // as far as those are in lists of their own size
  std::size_t plain_limit_ = 0;   // blocks up to so many bytes have nothing behind them
  std::pmr::memory_resource* upstream_;
  bool in_buffer_ = false;
  void* buffer_ = nullptr;
  std::size_t buffer_bytes_ = 0;
  heap_options options_;
  bool dropped_pages_ = false;  // whether there may be pages given back
  bool watched_;                // by a memory tool
  bool shared_ = false;
  resource* owner_ = this;
};

}  // namespace allot
