#pragma once

#include <algorithm>
#include <allot/arena/arena_mark.hpp>
#include <allot/arena/mark_history.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/memory_errc.hpp>
#include <allot/core/misuse.hpp>
#include <allot/core/resource.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <new>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace allot {

/// What all arenas share: allocation by moving a pointer, and ways to move it back. monotonic_arena has one contiguous
/// range, chained_arena a chain of blocks.
///
///     |pushed.......|      room      |
///            cursor ^          limit ^      position() counts the bytes before the cursor, padding included
///
/// push() is for memory that comes back by position: it lies contiguously and exactly. allocate() serves containers.
/// No destructor of what lies in an arena is ever run.
///
/// Not thread-safe; distinct arenas are independent as far as their upstreams are.
class ALLOT_EXPORT arena : public resource {
 public:
  /// An alignment that follows from the size: the largest power of two that divides it, at most that of
  /// std::max_align_t. Enough for every type of that size that does not ask for more by alignas.
  static constexpr std::size_t natural = 0;

  /// As std::pmr::memory_resource::allocate: 0 bytes count as 1; any power of two is an alignment. One that is none is
  /// misuse: 0 is always found, another when checked, or where the request does not fit.
  /// @throws allocation_error, or whatever the upstream throws; the arena is as before
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    void* p;
    if (ALLOT_LIKELY(take_inline(bytes, alignment, p))) return p;
    return allocate_slow(bytes, alignment);
  }

  /// Uninitialised memory at the next address with the automatic alignment, or the one given (a power of two or
  /// `natural`). 0 bytes give an aligned address and leave the position alone.
  /// @throws as allocate()
  void* push(std::size_t bytes) {
    void* p;
    if (ALLOT_LIKELY(addable(bytes - 1)) && ALLOT_LIKELY(take_inline(bytes, auto_mask_, auto_keep_, p))) return p;
    return push_slow(bytes, auto_align_);
  }
  void* push(std::size_t bytes, std::size_t alignment) {
    void* p;
    if (ALLOT_LIKELY(take_inline(bytes, alignment, p))) return p;
    return push_slow(bytes, alignment);
  }

  /// The same, zero. monotonic_arena clears only what may not be zero: memory fresh from the system is not touched.
  void* push_zeroed(std::size_t bytes) { return zeroed(push(bytes), bytes); }
  void* push_zeroed(std::size_t bytes, std::size_t alignment) { return zeroed(push(bytes, alignment), bytes); }

  /// Constructs a T at its own alignment. Without arguments a T is default-initialised: plain data has no value yet.
  /// If the constructor throws, the arena is as before.
  template <class T, class... Args>
  T* push(Args&&... args) {
    const std::size_t before = position();
    void* const p = push(sizeof(T), alignof(T));
    constexpr bool simple =
        sizeof...(Args) == 0 ? std::is_nothrow_default_constructible_v<T> : std::is_nothrow_constructible_v<T, Args...>;
    return or_pop_to(before, [&]() noexcept(simple) {
      if constexpr (sizeof...(Args) == 0) {
        return ::new (p) T;
      } else {
        return ::new (p) T(std::forward<Args>(args)...);
      }
    });
  }

  /// `count` default-initialised Ts in a row; 0 give an aligned address. If a constructor throws, the arena is as
  /// before.
  /// @throws as allocate(); size_overflow where so many do not fit the address space
  template <class T>
  T* push_array(std::size_t count) {
    const std::size_t before = position();
    auto* const first = static_cast<T*>(push(array_bytes(count, sizeof(T), alignof(T)), alignof(T)));
    return or_pop_to(before, [&]() noexcept(std::is_nothrow_default_constructible_v<T>) {
      std::uninitialized_default_construct_n(first, count);
      return first;
    });
  }

  /// As push_array() with all bytes zero, for types for which that is a value.
  template <class T>
  T* push_array_zeroed(std::size_t count) {
    static_assert(std::is_trivial_v<T>, "zero bytes are no value of this type: use push_array()");
    return static_cast<T*>(push_zeroed(array_bytes(count, sizeof(T), alignof(T)), alignof(T)));
  }

  /// Pads the position so that the next address is a multiple of `alignment`, a power of two; in chained_arena that of
  /// what the current block has room for.
  /// @throws as allocate(); an arena without room for the padding is as before
  void align_to(std::size_t alignment);

  /// The alignment of push() and push_zeroed() calls that give none: 1 (off), a power of two, or `natural`. Anything
  /// else is misuse and changes nothing.
  std::size_t auto_align() const noexcept { return auto_align_; }
  void auto_align(std::size_t alignment);

  /// Bytes in use, padding included; the room that chained_arena leaves at the end of a block is not.
  std::size_t position() const noexcept { return static_cast<std::size_t>(address_of(cursor_) - origin_); }

  /// Takes the last `bytes` back. More than there are is misuse and changes nothing.
  void pop(std::size_t bytes);

  /// Sets the position back. A position beyond the present one, or below a live sub-arena, is misuse and changes
  /// nothing.
  void pop_to(std::size_t position);

  /// Sets the position back to 0 and keeps the memory.
  virtual void clear();

  /// The present moment. Costs a push nothing.
  arena_mark mark() noexcept {
    if (!ALLOT_LIKELY(id_ != 0)) id_ = new_id();
    clock_ += one_event;
    floor_ = position() + 1;
    return {id_, clock_ / one_event, position()};
  }

  /// Goes back to a mark. A stale one is misuse, as is going below a live sub-arena; either changes nothing. When
  /// checked every stale mark is found; otherwise all but those behind eight nested returns.
  void rewind(const arena_mark& mark);

  /// As rewind(), but false instead of a report.
  [[nodiscard]] bool try_rewind(const arena_mark& mark) noexcept;

  /// Writes what is in use as hexadecimal bytes and text. Bytes a memory tool holds for unreadable show as "--".
  void dump(std::ostream& out) const;

  /// Shrinks any block, and grows the last one where the memory behind it can be had.
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;

  bool checked() const noexcept { return checked_; }

 protected:
  struct request {
    std::size_t bytes;
    std::size_t alignment;
    std::size_t gap = 0;  ///< bytes that stay free behind the block
  };
  struct served {
    std::byte* memory;
    bool apart;  ///< with the gap
  };

  arena(std::string_view name, std::size_t auto_align, bool checked) noexcept;
  arena(arena&& other) noexcept;  ///< takes the window over; marks of both are stale
  ~arena() override = default;

  // ---- what derived classes define

  /// The window has no room for `wanted`: makes some, or takes the memory from elsewhere, or throws. `plain` is the
  /// same without the gap, better than nothing.
  virtual served serve(const request& wanted, const request& plain) = 0;
  /// Moves the end of the window `bytes` beyond the cursor, in place. False if that cannot be; nothing has changed
  /// then.
  virtual bool extend(std::size_t bytes) noexcept = 0;
  /// Moves the cursor down to `position`, and poisons what is given up where a memory tool watches.
  virtual void lower(std::size_t position) noexcept = 0;
  /// Clears of [p, p + bytes), just pushed, what may not be zero.
  virtual void zero(void* p, std::size_t bytes) noexcept = 0;
  /// The position at which the newest live sub-arena ends; 0 when there is none.
  virtual std::size_t sub_arenas_end() const noexcept { return 0; }
  /// Notices when the memory was taken away.
  virtual void refresh() noexcept {}

  // ---- what they use

  std::byte* take(const request& wanted) noexcept;
  /// Which of the two this window serves: blocks in memory whose capacity counts are not set apart for a tool's sake.
  const request& fitting(const request& wanted, const request& plain) const noexcept {
    return checked_ || redzones_ ? wanted : plain;
  }
  /// Whether `room` bytes from the cursor on hold `wanted`, padding and gap included.
  bool fits(const request& wanted, std::size_t room) const noexcept;
  void set_window(std::byte* first, std::byte* cursor, std::byte* end, std::size_t position) noexcept;
  void set_cursor(std::byte* cursor) noexcept;
  /// Whether [p, p + bytes) is the last block handed out, with nothing behind it but what sets it apart.
  bool is_newest(const void* p, std::size_t bytes) const noexcept;
  /// Goes down to `position`, if that is down. Marks above are stale then.
  void give_up(std::size_t position);
  /// Going back from here has to undo more than the cursor.
  void note_change() noexcept { clock_ += one_change; }
  /// No mark, block or peak is left of what was. Checked blocks are looked at a last time if the memory is there.
  void restart(bool memory_is_there);
  void forget_marks() noexcept;
  void forget_fences() noexcept;  ///< blocks may have moved: nothing is known of them any more
  /// How far the arena has handed memory out, for other threads; kept by checked arenas only.
  const std::byte* published_cursor() const noexcept { return published_.load(std::memory_order_relaxed); }
  std::size_t peak() const noexcept;
  bool window_is_sound() const noexcept;
  /// Looks for misuse where checked, and poisons. False: reported, the call must have no effect.
  bool deallocate_watched(void* p, std::size_t bytes, std::size_t alignment);
  void check_alignment(std::size_t alignment, const request& wanted) const;
  [[noreturn]] void fail(memory_errc code, const request& wanted, std::size_t limit = 0, int os_code = 0) const;

  // The window: memory between cursor_ and end_ is free. The inline path sees it up to limit_, which is end_, or
  // cursor_ when the arena is watched and every call must go the slow way.
  std::byte* cursor_ = nullptr;
  std::byte* limit_ = nullptr;
  std::byte* end_ = nullptr;
  std::byte* first_ = nullptr;  // where the window starts
  std::byte* high_ = nullptr;   // the highest the cursor was in this window before it went down
  std::uintptr_t origin_ = 0;   // the address position 0 would have in this window
  std::size_t floor_ = 0;       // one more than the highest position with a good mark or a scope; 0: there is none
  bool tool_;                   // a memory tool watches: annotate
  bool redzones_ = false;       // and blocks in this window are set apart for it
  bool checked_;
  bool watched_;  // tool_ or checked_

 private:
  friend class scope;
  friend class inner_scratch;
  friend class scratch;
  struct fence;

  // Two counters in one number, so that one comparison tells a scope that nothing happened. Events, in the upper 48
  // bits, are marks, going below a mark or the start of a scope, and scopes that start where another mark or scope is
  // (these take theirs back); changes are all that must be undone beside setting the cursor back, and may well
  // overflow.
  static constexpr std::uint64_t one_event = std::uint64_t{1} << 16;
  static constexpr std::uint64_t one_change = 1;

  /// What a scope remembers of its start.
  struct moment {
    std::byte* cursor;
    std::uint64_t clock;
    std::size_t floor;
    std::size_t position;
  };

  void* do_allocate(std::size_t bytes, std::size_t alignment) final { return arena::allocate(bytes, alignment); }

  static constexpr bool sums_fit = sizeof(std::uintptr_t) >= 8;

  /// Whether a number can be added to any address twice without passing the end of the address space, where that has
  /// room enough; one that can be compared with in one instruction. False for 0 - 1, which sends 0 bytes and alignment
  /// 0 the slow way.
  static constexpr bool addable(std::uintptr_t value) noexcept { return value <= (sums_fit ? 0x7fffffff : 0xfffffff); }

  bool take_inline(std::size_t bytes, std::size_t alignment, void*& p) noexcept {
    const std::uintptr_t mask = alignment - 1;
    return ALLOT_LIKELY(addable(mask)) && ALLOT_LIKELY(addable(bytes - 1)) && take_inline(bytes, mask, ~mask, p);
  }

  /// The whole fast path. False, and nothing changed, when the window has not that much.
  bool take_inline(std::size_t bytes, std::uintptr_t mask, std::uintptr_t keep, void*& p) noexcept {
    const std::uintptr_t start = address_of(cursor_);
    const std::uintptr_t aligned = (start + mask) & keep;
    const std::uintptr_t end = aligned + bytes;
    if (!ALLOT_LIKELY(end <= address_of(limit_))) return false;
    if constexpr (!sums_fit) {
      if (aligned < start || end < aligned) return false;
    }
    cursor_ = reinterpret_cast<std::byte*>(end);
    p = reinterpret_cast<void*>(aligned);
    return true;
  }

  void* zeroed(void* p, std::size_t bytes) noexcept {
    zero(p, bytes);
    return p;
  }

  /// Runs a construction; the position goes back when it throws.
  template <class Construct>
  auto or_pop_to(std::size_t before, Construct construct) -> decltype(construct()) {
    if constexpr (noexcept(construct())) {
      return construct();
    } else {
      try {
        return construct();
      } catch (...) {
        give_up(before);
        throw;
      }
    }
  }

  moment open_scope() noexcept {
    std::byte* cursor = cursor_;
    std::size_t floor = floor_;
    ALLOT_IN_REGISTER(cursor);
    ALLOT_IN_REGISTER(floor);
    const auto here = static_cast<std::size_t>(address_of(cursor) - origin_);
    floor_ = here + 1;
    if (!ALLOT_LIKELY(floor != here + 1)) clock_ += one_event;
    return {cursor, clock_, floor, here};
  }

  /// Ends a scope if nothing but closed scopes came since its start. False, and nothing changed, otherwise.
  bool close_scope_inline(const moment& start) noexcept {
    if (!ALLOT_LIKELY(clock_ == start.clock && floor_ == start.position + 1)) return false;
    if (!ALLOT_LIKELY(cursor_ <= high_)) high_ = cursor_;
    cursor_ = start.cursor;
    restore_floor(start.position, start.floor);
    return true;
  }
  void close_scope(const moment& start) {
    if (!close_scope_inline(start)) close_scope_slow(start.position, start.floor, start.clock, start.position);
  }
  // One by one, so that a scope can live in registers.
  void close_scope_slow(std::size_t start, std::size_t floor, std::uint64_t clock, std::size_t position);
  void keep_scope(std::size_t start, std::size_t floor, std::uint64_t clock) noexcept;
  /// As it was before the scope.
  void restore_floor(std::size_t start, std::size_t floor) noexcept {
    if (!ALLOT_LIKELY(floor != start + 1)) clock_ -= one_event;
    floor_ = floor;
  }
  bool only_scopes_since(std::size_t start, std::uint64_t clock) const noexcept {
    return clock_ / one_event == clock / one_event && floor_ == start + 1;
  }
  bool may_go_back(std::size_t position, bool report) const;
  bool is_good(const arena_mark& mark) const noexcept;

  void* allocate_slow(std::size_t bytes, std::size_t alignment);
  void* push_slow(std::size_t bytes, std::size_t alignment);
  request set_apart(const request& plain) const noexcept;
  void set_auto_align(std::size_t alignment) noexcept;
  std::size_t array_bytes(std::size_t count, std::size_t size, std::size_t alignment) const;
  static std::uint64_t new_id() noexcept;

  // Checked arenas: what stands behind every block got through allocate().
  void put_fence(std::byte* p, std::size_t bytes) noexcept;
  std::optional<misuse_report> drop_fences(std::size_t position) noexcept;
  bool fences_are_sound() const noexcept;
  fence* expected_fence(const void* p, std::size_t bytes) const noexcept;
  fence* find_fence(const void* p, std::size_t bytes) const noexcept;
  bool may_free(const void* p, std::size_t bytes, std::size_t alignment);
  bool free_fenced(const void* p, std::size_t bytes);
  void move_end(std::byte* p, std::size_t old_bytes, std::size_t new_bytes, std::byte* cursor) noexcept;
  fence* newest_fence_ = nullptr;
  bool unfenced_blocks_ = false;  // some had no room for a fence, or lost it

  std::atomic<const std::byte*> published_{nullptr};

  std::uint64_t clock_ = 0;  // events and changes
  std::uint64_t id_ = 0;     // of marks; 0: none was taken yet
  mark_history history_;
  std::size_t peak_ = 0;  // of windows before this one

  std::size_t auto_align_ = 0;
  std::uintptr_t auto_mask_ = 0;  // what push() adds to the cursor
  std::uintptr_t auto_keep_ = 0;  // and the bits of the sum it keeps; `natural` has a sum beyond any window
};

}  // namespace allot
