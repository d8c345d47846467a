#pragma once

#include <algorithm>
#include <allot/arena/arena.hpp>
#include <allot/block/page_block.hpp>
#include <allot/block/reserved_range.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/memory_errc.hpp>
#include <allot/core/misuse.hpp>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string_view>

namespace allot {

template <std::size_t Bytes, std::size_t Alignment>
class local_arena;

/// Where a monotonic_arena has its memory, and how much.
struct monotonic_arena_options {
  std::size_t size = 0;  ///< bytes; 0: 1 GiB of address space (64 MiB with 32-bit pointers), or 64 KiB from an
                         ///< upstream, and less where refused
  std::pmr::memory_resource* upstream = nullptr;  ///< where the one block comes from; null: an own reservation
  std::size_t page_size = 0;  ///< of an own reservation: what its size and its commits are multiples of. Rounded up to
                              ///< a multiple of the system's page, which 0 stands for
  bool huge_pages = false;    ///< of an own reservation: advise the system to back it with huge pages
  std::size_t auto_align = alignof(std::max_align_t);  ///< see arena::auto_align()
  std::string_view name = {};                          ///< what reports call it; empty: its kind
  bool checked = checked_by_default();  ///< find overruns and wrong frees of allocated blocks, every stale mark, and
                                        ///< buffers that overlap those of others
};

/// An arena in one contiguous range of memory that never moves: for work whose bounds are known, and for splitting
/// memory among subsystems.
///
/// The range is a caller's buffer, a page_block (owned, or only looked at), one block from an upstream, a slice of
/// another arena, or an own reservation of address space that is committed as it fills. When it is full, it is full:
/// chained_arena grows.
///
///     data()                                                   data() + size()
///     | in use ........ | sub-arena | in use | committed | reserved |
///                                   cursor ^
///
/// As a memory_resource it gives the bytes of the last block back when that is freed, but never below the newest mark,
/// and grows the last block in place.
///
/// Not thread-safe; distinct arenas are independent, a slice and its parent as far as carving, releasing and destroying
/// go are not.
class ALLOT_EXPORT monotonic_arena : public arena {
 public:
  /// On an own reservation, made with the first push. Its size is rounded up to pages; without one, or with 0, as
  /// monotonic_arena_options::size says.
  /// @{
  monotonic_arena() noexcept : monotonic_arena(monotonic_arena_options{}) {}
  explicit monotonic_arena(std::size_t size) noexcept;
  /// @}
  /// On one block of exactly `size` bytes, asked of the upstream with the first push; 0 and a null upstream are as in
  /// monotonic_arena_options.
  monotonic_arena(std::size_t size, std::pmr::memory_resource* upstream) noexcept;
  /// On one or the other, as the options say; the memory is got with the first push.
  explicit monotonic_arena(const monotonic_arena_options& options) noexcept;

  /// On the caller's buffer, which is used to its last byte and never freed. When checked, a buffer that overlaps
  /// another checked arena's buffer is misuse, unless it lies in what that has handed out; the new arena is dead then.
  /// Of the options only auto_align, name and checked count here and below.
  monotonic_arena(void* buffer, std::size_t size, const monotonic_arena_options& options = {});

  /// On a block of pages that can be read and written, which the arena then owns.
  explicit monotonic_arena(page_block&& block, const monotonic_arena_options& options = {}) noexcept;

  /// On a block of pages that stays the caller's and must outlive the arena. Once the block is resized, released or
  /// moved the arena is dead. Every call that allocates, frees or goes back looks whether it was, which makes such an
  /// arena slower than the others.
  explicit monotonic_arena(const page_block& block, const monotonic_arena_options& options = {});

  /// Takes memory and sub-arenas over; marks and scopes of the other are stale, blocks belong to this one. The other is
  /// dead.
  monotonic_arena(monotonic_arena&& other) noexcept;
  /// Its memory lies in the object itself.
  template <std::size_t Bytes, std::size_t Alignment>
  monotonic_arena(local_arena<Bytes, Alignment>&&) = delete;
  monotonic_arena& operator=(monotonic_arena&&) = delete;
  ~monotonic_arena() override;

  /// Gives back the bytes of the last block handed out, unless a mark lies in or behind it; of others nothing.
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    auto* const block = static_cast<std::byte*>(p);
    if (!ALLOT_LIKELY(!watched_)) return deallocate_slow(p, bytes, alignment);
    if (block + std::max<std::size_t>(bytes, 1) == cursor_ &&
        marks_.none_above(static_cast<std::size_t>(address_of(block) - origin_))) {
      high_ = (std::max)(high_, cursor_);
      cursor_ = block;
    }
  }

  /// A slice of exactly `size` bytes as an arena of its own, at position 0. This arena moves on by that and padding,
  /// and must not go back below the slice while it lives. A slice inherits checking, and its root() is this arena's. It
  /// may be moved. Destroying this arena before it is misuse; the slice is dead then.
  /// @throws as push()
  monotonic_arena carve(std::size_t size, std::size_t alignment = alignof(std::max_align_t),
                        std::string_view name = {});

  /// Sets the position back to 0. Of an own reservation, memory beyond the first `retained` bytes (rounded up to pages)
  /// goes back to the system and reads zero when it is used again.
  using arena::clear;
  void clear(std::size_t retained);

  /// Changes the size of an own reservation, rounded up to pages; contents stay. Data moves only if it must and no
  /// sub-arena lives, and then marks are stale.
  /// @return whether data() moved
  /// @throws allocation_error: invalid_size below the position or for 0; address_in_use where it would have to move
  ///         under a sub-arena; not_supported for other memory; or what the system refuses. The arena is as before.
  bool resize(std::size_t size);

  /// Whether there is no memory and never will be: released as a slice, moved from, or taken away from below.
  bool dead() const noexcept { return backing_ == backing::none || lost(); }

  /// Null when dead, and before the first push where that gets the memory.
  std::byte* data() const noexcept { return lost() ? nullptr : data_; }
  std::size_t size() const noexcept { return data() != nullptr ? size_ : planned_size(); }
  std::size_t page_size() const noexcept;  ///< what sizes and commits of an own reservation are multiples of

  std::string_view kind() const noexcept override { return "monotonic_arena"; }
  std::pmr::memory_resource* upstream() const noexcept override;
  const std::pmr::memory_resource* root() const noexcept override;
  std::size_t available() const noexcept override;  ///< size() - position()
  memory_usage usage() const noexcept override;     ///< all 0 before the first push gets the memory, and when dead
  bool owns(const void* p) const noexcept override;
  block_info find_block(const void* p) const noexcept override;  ///< the part in use, or the part that is free
  bool try_look_at(const void* p, block_sight& seen) const noexcept override;
  void for_each_block(block_visitor visitor) const override;  ///< both, as far as committed

  /// As constructed: memory of the upstream and of an own reservation goes back, an owned block reads zero again. A
  /// slice is dead then, and its parent may go back below it. Misuse, without effect, while a sub-arena lives.
  void release() noexcept override;
  bool can_release() const noexcept override { return true; }
  /// Gives committed memory beyond the position back to the system, of an own reservation.
  std::size_t trim() noexcept override;
  /// position <= committed <= reserved; the cursor, marks and sub-arenas agree; when checked, no block was overrun.
  bool check() const noexcept override;

 protected:
  /// As on a caller's buffer, for a class of another kind.
  monotonic_arena(void* buffer, std::size_t size, const monotonic_arena_options& options, std::string_view kind);

 private:
  enum class backing { none, reservation, upstream, buffer, owned_block, viewed_block, slice };

  monotonic_arena(monotonic_arena& parent, void* data, std::size_t size, std::string_view name);

  /// Whether the block looked at is no longer what it was.
  bool lost() const noexcept {
    return viewed_ != nullptr && (viewed_->generation() != generation_ || viewed_->data() != data_);
  }

  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    monotonic_arena::deallocate(p, bytes, alignment);
  }
  served serve(const request& wanted, const request& plain) override;
  bool extend(std::size_t bytes) noexcept override;
  void lower(std::size_t position) noexcept override;
  void zero(void* p, std::size_t bytes) noexcept override;
  std::size_t sub_arenas_end() const noexcept override;
  void refresh() noexcept override;

  void deallocate_slow(void* p, std::size_t bytes, std::size_t alignment);
  void obtain(const request& wanted);
  std::byte* take_or_commit(const request& wanted, os::status& outcome) noexcept;
  os::status reach(std::size_t bytes) noexcept;
  std::size_t drop_pages(std::size_t kept) noexcept;
  void use(void* data, std::size_t size, std::size_t usable, std::size_t dirty) noexcept;
  void give_back() noexcept;
  void die() noexcept;
  std::size_t planned_size() const noexcept;
  std::size_t committed() const noexcept;
  std::byte* dirty_end() const noexcept;
  void be_known(std::string_view kind) noexcept;
  void be_unknown() noexcept;
  void adopt_relatives(monotonic_arena& other) noexcept;
  void leave_parent() noexcept;
  void orphan_sub_arenas() noexcept;

  // Checked arenas on memory of others know of each other; see claims.cpp.
  void claim_memory();
  void disclaim_memory() noexcept;
  void take_claim_of(monotonic_arena& other) noexcept;

  backing backing_;
  bool known_ = false;  // to the registry of addresses
  bool huge_pages_ = false;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::byte* clean_ = nullptr;  // memory from here on was never handed out and reads zero, unless below high_
  std::size_t wanted_size_ = 0;
  std::size_t wanted_page_ = 0;
  std::pmr::memory_resource* upstream_ = nullptr;
  reserved_range range_;
  page_block block_;
  const page_block* viewed_ = nullptr;
  std::uint64_t generation_ = 0;  // of the block viewed

  monotonic_arena* parent_ = nullptr;
  monotonic_arena* newest_slice_ = nullptr;  // of this arena; they lie in the order they were made
  monotonic_arena* older_ = nullptr;         // among the slices of the parent
  monotonic_arena* newer_ = nullptr;

  const std::byte* claimed_ = nullptr;  // guarded by the mutex of all claims, like the rest here
  std::size_t claimed_size_ = 0;
  monotonic_arena* next_claim_ = nullptr;
  monotonic_arena* previous_claim_ = nullptr;
};

}  // namespace allot
