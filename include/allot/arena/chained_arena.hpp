#pragma once

#include <allot/arena/arena.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/misuse.hpp>
#include <cstddef>
#include <limits>
#include <memory_resource>
#include <string_view>

namespace allot {

class reserving_resource;

/// How a chained_arena gets and keeps its blocks. Sizes are in bytes, a block's 48-byte header included.
struct chained_arena_options {
  /// The value of a limit there is not.
  static constexpr std::size_t no_limit = (std::numeric_limits<std::size_t>::max)();

  std::pmr::memory_resource* upstream = nullptr;      ///< null: std::pmr::get_default_resource() at construction
  std::size_t first_block = 1024;                     ///< the first block; at least 128
  unsigned growth_percent = 150;                      ///< each block is this much of the one before; at least 100
  std::size_t largest_block = std::size_t{64} << 20;  ///< where growth stops; single requests may be larger
  std::size_t limit = no_limit;                       ///< most bytes held at a time (committed ones of virtual blocks)
  std::size_t retained_blocks = no_limit;             ///< most blocks kept when nothing is left in them, the largest
  std::size_t retained_bytes = no_limit;              ///< most bytes kept when the position is 0 again
  /// Take blocks from the system instead of the upstream: reserved whole, committed as used. Blocks from a
  /// reserving_resource are so anyway, and committed as that one's options say.
  bool virtual_blocks = false;
  std::size_t reserve = std::size_t{64} << 20;  ///< address space of one virtual block, at which the next one starts
  bool huge_pages = false;     ///< align virtual blocks from the system to large pages and advise it to use them
  std::string_view name = {};  ///< what reports call it; empty: its kind
  bool checked = checked_by_default();  ///< find overruns and wrong frees of allocated blocks, and every stale mark
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
class ALLOT_EXPORT chained_arena final : public arena {
 public:
  /// The constructors of std::pmr::monotonic_buffer_resource. None allocates; `upstream` must not be null and must
  /// outlive the arena. The caller's buffer is used first and never freed. The first block is asked for with room for
  /// `initial_size` bytes beside its header.
  /// @{
  chained_arena() noexcept : chained_arena(chained_arena_options{}) {}
  explicit chained_arena(std::pmr::memory_resource* upstream) noexcept;
  explicit chained_arena(std::size_t initial_size) noexcept;
  chained_arena(std::size_t initial_size, std::pmr::memory_resource* upstream) noexcept;
  chained_arena(void* buffer, std::size_t buffer_size) noexcept;
  chained_arena(void* buffer, std::size_t buffer_size, std::pmr::memory_resource* upstream) noexcept;
  /// @}

  /// As the options say, with or without such a buffer; a null one is none. Neither allocates.
  /// @{
  explicit chained_arena(const chained_arena_options& options) noexcept : chained_arena(nullptr, 0, options) {}
  chained_arena(void* buffer, std::size_t buffer_size, const chained_arena_options& options) noexcept;
  /// @}
  ~chained_arena() override;

  /// Does nothing (poisons or checks the block where the arena is watched).
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    if (!ALLOT_LIKELY(!watched_)) (void)deallocate_watched(p, bytes, alignment);
  }

  std::pmr::memory_resource* upstream_resource() const noexcept { return upstream_; }

  /// The options in force; `upstream` is filled in.
  chained_arena_options options() const noexcept;

  /// Bytes the next block will be asked to have, unless a request needs more.
  std::size_t next_block_size() const noexcept { return next_block_; }

  /// Empties the arena and keeps its blocks, as far as they may be retained, for what comes next; so does every other
  /// way back with the blocks it leaves. Blocks handed out are dead. Touches the headers of its blocks, not their
  /// contents. Kept blocks count against the limit, and are given back when they stand in the way of a request.
  void clear() noexcept override;

  std::string_view kind() const noexcept override { return "chained_arena"; }
  std::pmr::memory_resource* upstream() const noexcept override {
    return options_.virtual_blocks ? nullptr : upstream_;
  }

  std::size_t available() const noexcept override;
  /// `wasted`: headers, and the ends of all blocks but the current one. Kept blocks count as committed.
  memory_usage usage() const noexcept override;
  bool owns(const void* p) const noexcept override;
  block_info find_block(const void* p) const noexcept override;  ///< the part in use of the chain's block p points into
  bool try_look_at(const void* p, block_sight& seen) const noexcept override;
  /// Gives every block back and starts again as constructed, with the caller's buffer if there is one.
  void release() noexcept override;
  bool can_release() const noexcept override { return true; }
  std::size_t trim() noexcept override;  ///< gives back the blocks clear() kept and nothing uses yet
  bool check() const noexcept override;
  void for_each_block(block_visitor visitor) const override;  ///< the parts in use, and what can be used next

 private:
  struct block;

  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    chained_arena::deallocate(p, bytes, alignment);
  }

  served serve(const request& wanted, const request& plain) override;
  bool extend(std::size_t bytes) noexcept override;
  void lower(std::size_t position) noexcept override;
  void zero(void* p, std::size_t bytes) noexcept override;

  void start() noexcept;
  bool block_bytes(const request& wanted, std::size_t& total) const noexcept;
  bool extend_window(const request& wanted) noexcept;
  bool commit(block& held, std::size_t needed) noexcept;
  std::size_t room_left() const noexcept;
  bool make_room(std::size_t bytes) noexcept;
  block* find_spare(const request& wanted) noexcept;
  block* new_block(const request& wanted);
  block* block_from_upstream(std::size_t bytes, std::size_t needed);
  block* block_from_system(const request& wanted);
  block* block_from_reservation(const request& wanted);
  std::byte* serve_from(block* fresh, const request& wanted) noexcept;
  std::size_t opening_gap() const noexcept;
  std::byte* opening(block* held) const noexcept;
  std::byte* window_start() const noexcept;
  void open(block* held, std::byte* cursor, std::size_t position) noexcept;
  void keep(block* list) noexcept;
  void shed(std::size_t kept) noexcept;
  void drop_spares(std::size_t allowed) noexcept;
  void give_back(block* held) noexcept;
  void give_back_all(block* list) noexcept;
  template <class Visit>
  void for_each_region(Visit visit) const;
  void note_high() noexcept;
  bool is_intact(const block* list) const noexcept;

  block* current_ = nullptr;  // the block with the window; null: the caller's buffer, or none
  block* blocks_ = nullptr;   // blocks in use, newest first
  block* spare_ = nullptr;    // blocks kept for what comes, largest first
  std::pmr::memory_resource* upstream_;
  reserving_resource* reserving_ = nullptr;  // the upstream, once it was seen to be one
  std::byte* buffer_;
  std::size_t buffer_size_;
  const std::byte* buffer_high_;  // how far the caller's buffer was used, as `high` of a block
  std::size_t held_ = 0;          // bytes counted against the limit
  std::size_t next_block_ = 0;
  chained_arena_options options_;
};

}  // namespace allot
