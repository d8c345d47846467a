#pragma once

#include <allot/core/checked_size.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/memory_errc.hpp>
#include <allot/core/misuse.hpp>
#include <allot/core/resource.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory_resource>
#include <string_view>

namespace allot {

/// How a chained_arena gets and keeps its blocks. Sizes are in bytes, a block's 32-byte header included.
struct chained_arena_options {
  static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

  std::pmr::memory_resource* upstream = nullptr;      ///< null: std::pmr::get_default_resource() at construction
  std::size_t first_block = 1024;                     ///< the first block; at least 128
  unsigned growth_percent = 150;                      ///< each block is this much of the one before; at least 100
  std::size_t largest_block = std::size_t{64} << 20;  ///< where growth stops; single requests may be larger
  std::size_t limit = no_limit;                       ///< most bytes held at a time (committed ones of virtual blocks)
  std::size_t retained_blocks = no_limit;             ///< most blocks clear() keeps, the largest ones
  bool virtual_blocks =
      false;  ///< take blocks from the system instead of the upstream: reserved whole, committed as used
  std::size_t reserve = std::size_t{64} << 20;  ///< address space of one virtual block
  bool huge_pages = false;  ///< align virtual blocks to large pages and advise the system to use them
  std::string_view name = {};
  bool checked = checked_by_default();
};

/// An arena that grows: blocks from an upstream (or from the system) in a chain, and in them allocation by moving a
/// pointer. Deallocation does nothing; all memory comes back at once by clear(), release() or destruction. A drop-in
/// for std::pmr::monotonic_buffer_resource, for whatever is built up and thrown away together: a request, a frame, a
/// parse tree.
///
///     caller's buffer   block            block (newest)
///     |used..........|  |header|used..|  |header|used....|      room      |
///                                                cursor ^           limit ^
///
/// When a request does not fit, the next block is `growth_percent` of the one before. A request that would leave less
/// room in the new block than the current one still has gets a block of exactly its size, and the current block goes on
/// being filled. A refusing upstream is asked for half, down to what the request needs. Growth in upstream bytes with
/// the defaults: 1024, 1536, 2304, 3456, ... 64 MiB, 64 MiB, ...
///
/// With AddressSanitizer, MemorySanitizer or Valgrind watching, blocks are set apart by 16 poisoned bytes (not in a
/// caller's buffer, whose capacity stays exact) and everything not handed out is poisoned.
///
/// Not thread-safe; distinct arenas are independent as far as their upstreams are.
class ALLOT_EXPORT chained_arena final : public resource {
 public:
  // The constructors of std::pmr::monotonic_buffer_resource. None allocates; `upstream` must not be null and must
  // outlive the arena. The caller's buffer is used first and never freed.
  chained_arena() noexcept : chained_arena(chained_arena_options{}) {}
  explicit chained_arena(std::pmr::memory_resource* upstream) noexcept;
  explicit chained_arena(std::size_t initial_size) noexcept;
  chained_arena(std::size_t initial_size, std::pmr::memory_resource* upstream) noexcept;
  chained_arena(void* buffer, std::size_t buffer_size) noexcept;
  chained_arena(void* buffer, std::size_t buffer_size, std::pmr::memory_resource* upstream) noexcept;

  explicit chained_arena(const chained_arena_options& options) noexcept : chained_arena(nullptr, 0, options) {}
  chained_arena(void* buffer, std::size_t buffer_size, const chained_arena_options& options) noexcept;
  ~chained_arena() override;

  /// 0 bytes count as 1; any power of two is an alignment. One that is none is misuse: 0 is always found, another when
  /// checked, or where the request needs a new block.
  /// @throws allocation_error (size_overflow, limit_reached, invalid_alignment, or the system's refusal), or whatever
  /// the
  ///         upstream throws; the arena is as before
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    // The way from one cursor to the next is the shortest that aligns; all checks lie beside it. An alignment of 0
    // gives a huge padding, 0 bytes a huge bytes - 1: both go the slow way, like everything that does not fit.
    const std::uintptr_t aligned = (address_of(cursor_) + (alignment - 1)) & ~std::uintptr_t{alignment - 1};
    const auto left = static_cast<std::size_t>(limit_ - cursor_);
    const auto padding = static_cast<std::size_t>(aligned - address_of(cursor_));
    if (ALLOT_LIKELY(padding <= left && bytes - 1 < left - padding)) {
      auto* const p = reinterpret_cast<std::byte*>(aligned);
      cursor_ = p + bytes;
      return p;
    }
    return allocate_slow(bytes, alignment);
  }

  /// Does nothing (poisons or checks the block where the arena is watched).
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    if (!ALLOT_LIKELY(!watched_)) deallocate_watched(p, bytes, alignment);
  }

  std::pmr::memory_resource* upstream_resource() const noexcept { return upstream_; }

  /// The options in force; `upstream` is filled in.
  chained_arena_options options() const noexcept;

  /// Bytes the next block will be asked to have, unless a request needs more.
  std::size_t next_block_size() const noexcept { return next_block_; }

  /// Empties the arena and keeps its blocks, the largest `retained_blocks` of them, for what comes next. Blocks handed
  /// out are dead. Touches the headers of its blocks, not their contents. Kept blocks count against the limit, and are
  /// given back when they stand in the way of a request.
  void clear() noexcept;

  std::string_view kind() const noexcept override { return "chained_arena"; }
  std::pmr::memory_resource* upstream() const noexcept override;

  /// Shrinks any block, and grows the newest one within the current block (committing more of a virtual one).
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  std::size_t available() const noexcept override;
  memory_usage usage() const noexcept override;
  bool owns(const void* p) const noexcept override;
  block_info find_block(const void* p) const noexcept override;  ///< the part in use of the chain's block p points into
  /// Gives every block back and starts again as constructed, with the caller's buffer if there is one.
  void release() noexcept override;
  std::size_t trim() noexcept override;  ///< gives back the blocks clear() kept and nothing uses yet
  bool check() const noexcept override;
  void for_each_block(block_visitor visitor) const override;  ///< the parts in use, a chain's block each

 private:
  struct block;
  struct request;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return chained_arena::allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    chained_arena::deallocate(p, bytes, alignment);
  }

  void* allocate_slow(std::size_t bytes, std::size_t alignment);
  void* take(const request& wanted) noexcept;
  bool extend_window(const request& wanted) noexcept;
  bool commit(block& held, std::size_t needed) noexcept;
  std::size_t room_left() const noexcept;
  bool make_room(std::size_t bytes) noexcept;
  block* find_spare(const request& wanted) noexcept;
  block* new_block(const request& wanted);
  block* block_from_upstream(std::size_t bytes, std::size_t needed);
  block* block_from_system(const request& wanted);
  void* serve_from(block* fresh, const request& wanted) noexcept;
  void open(block* current) noexcept;
  void open_buffer() noexcept;
  void set_window(std::byte* cursor, std::byte* end) noexcept;
  void close_window() noexcept;
  void give_back(block* held) noexcept;
  void give_back_all(block* list) noexcept;
  void deallocate_watched(void* p, std::size_t bytes, std::size_t alignment);
  [[noreturn]] void fail(memory_errc code, const request& wanted, std::size_t limit = 0, int os_code = 0) const;
  template <class Visit>
  void for_each_region(Visit visit) const;

  // The window: memory between cursor_ and end_ is free. The inline path sees it up to limit_, which is end_, or
  // cursor_ when the arena is watched and every call must go the slow way.
  std::byte* cursor_ = nullptr;
  std::byte* limit_ = nullptr;
  std::byte* end_ = nullptr;
  block* current_ = nullptr;  // the block with the window; null: the caller's buffer, or none
  block* blocks_ = nullptr;   // blocks in use, newest first
  block* spare_ = nullptr;    // blocks kept by clear(), largest first
  std::pmr::memory_resource* upstream_;
  std::byte* buffer_;
  std::size_t buffer_size_;
  std::byte* buffer_top_ = nullptr;  // where the buffer's window was closed
  std::size_t held_ = 0;             // bytes counted against the limit
  std::size_t next_block_ = 0;
  std::size_t peak_ = 0;  // of used bytes, up to the last clear()
  chained_arena_options options_;
  bool tool_;     // a memory tool watches: annotate
  bool watched_;  // tool_ or checked
};

}  // namespace allot
