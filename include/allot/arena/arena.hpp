#pragma once

#include <algorithm>
#include <allot/arena/arena_mark.hpp>
#include <allot/arena/auto_alignment.hpp>
#include <allot/arena/block_fences.hpp>
#include <allot/arena/bump_window.hpp>
#include <allot/arena/event_tap.hpp>
#include <allot/arena/mark_book.hpp>
#include <allot/arena/window_link.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/memory_errc.hpp>
#include <allot/core/memory_event.hpp>
#include <allot/core/misuse.hpp>
#include <allot/core/resource.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

namespace allot {

/// What all arenas share: allocation by moving a pointer, and ways to move it back. monotonic_arena has one contiguous
/// range, chained_arena a chain of blocks.
///
/// push() is for memory that comes back by position: it lies contiguously and exactly. allocate() serves containers.
/// No destructor of what lies in an arena is ever run.
///
/// Not thread-safe; distinct arenas are independent as far as their upstreams are.
class ALLOT_EXPORT arena : public resource, protected bump_window {
 public:
  /// An alignment that follows from the size; see auto_alignment.
  static constexpr std::size_t natural = auto_alignment::natural;

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
    if (ALLOT_LIKELY(addable(bytes - 1)) && ALLOT_LIKELY(take_inline(bytes, auto_align_.mask(), auto_align_.keep(), p)))
      return p;
    return push_slow(bytes, auto_align_.value());
  }
  /// @copydoc push(std::size_t)
  void* push(std::size_t bytes, std::size_t alignment) {
    void* p;
    if (ALLOT_LIKELY(take_inline(bytes, alignment, p))) return p;
    return push_slow(bytes, alignment);
  }

  /// The same, zero. monotonic_arena clears only what may not be zero: memory fresh from the system is not touched.
  void* push_zeroed(std::size_t bytes) { return zeroed(push(bytes), bytes); }
  /// @copydoc push_zeroed(std::size_t)
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
  /// @{
  std::size_t auto_align() const noexcept { return auto_align_.value(); }
  void auto_align(std::size_t alignment);
  /// @}

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
    return ALLOT_LIKELY(marks_.inline_allowed()) ? marks_.take_mark(position()) : mark_slow();
  }

  /// Goes back to a mark. A stale one is misuse, as is going below a live sub-arena; either changes nothing. When
  /// checked every stale mark is found; otherwise all but those behind eight nested returns.
  void rewind(const arena_mark& mark);

  /// As rewind(), but false instead of a report.
  [[nodiscard]] bool try_rewind(const arena_mark& mark) noexcept;

  /// Whether the arena was never below the mark since. In doubt false, which is after more than eight nested returns
  /// unless all are remembered.
  bool is_good(const arena_mark& mark) noexcept {
    refresh();
    return marks_.is_surely_good(mark);
  }

  /// From now on is_good() and rewind() are exact, as when checked, at 16 bytes for a nested return.
  void remember_all_returns() noexcept { marks_.be_exact(); }

  /// Writes what is in use as hexadecimal bytes and text. Bytes a memory tool holds for unreadable show as "--".
  void dump(std::ostream& out) const;

  /// Shrinks any block, and grows the last one where the memory behind it can be had.
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;

  bool checked() const noexcept { return checked_; }  ///< whether misuse is looked for

  /// Events begin with the next call that allocates, pops, clears, rewinds or trims, and end likewise: until then the
  /// sink may be called and must live, or until the arena is destroyed. A scope's start is told with the first call
  /// inside; one without any is not told. Any thread may switch at any time while the arena lives; the sink is called
  /// by the arena's user.
  bool tell_events_to(event_sink* sink) noexcept override;

  /// Events a sink threw at.
  std::size_t lost_events() const noexcept { return tap_.lost(); }

  /// Has every arena of the process look for sinks with its next call, as tell_events_to() does with one. An arena with
  /// less than 64 KiB of room may do so only with its next call that is not inline, at the latest when that room is
  /// used up. Thread-safe.
  static void look_for_sinks() noexcept { window_link::close_all(); }

 protected:
  /// What an arena asks of the one that knows where its memory comes from.
  struct request {
    std::size_t bytes;      ///< 0: only an address of that alignment
    std::size_t alignment;  ///< a power of two
    std::size_t gap = 0;    ///< bytes that stay free behind the block
  };
  /// And what it gets.
  struct served {
    std::byte* memory;  ///< where the block starts
    bool apart;         ///< with the gap
  };

  /// Without memory yet. An `auto_align` that cannot be counts as that of std::max_align_t.
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

  /// Every out-of-line call begins with this.
  void attend() noexcept {
    refresh();
    if (limit_.load(std::memory_order_relaxed) == nullptr || tap_.log_changed()) notice_sinks();
  }

  // ---- what they use

  /// Hands memory out of the window; null, and nothing changed, where it does not fit.
  std::byte* take(const request& wanted) noexcept;
  /// Which of the two this window serves: blocks in memory whose capacity counts are not set apart for a tool's sake.
  const request& fitting(const request& wanted, const request& plain) const noexcept {
    return checked_ || redzones_ ? wanted : plain;
  }
  /// Whether `room` bytes from the cursor on hold `wanted`, padding and gap included.
  bool fits(const request& wanted, std::size_t room) const noexcept;
  /// Another window, in which `cursor` is at `position`. What peak() was stays.
  void set_window(std::byte* first, std::byte* cursor, std::byte* end, std::size_t position) noexcept;
  /// Moves the cursor within the window, and brings limit_ up to date.
  void set_cursor(std::byte* cursor) noexcept;
  /// Whether [p, p + bytes) is the last block handed out, with nothing behind it but what sets it apart.
  bool is_newest(const void* p, std::size_t bytes) const noexcept;
  /// Goes down to `position`, if that is down, and tells of it (unless as deallocate, which is told before). Marks
  /// above are stale then.
  void give_up(std::size_t position, memory_event_kind kind);
  /// No mark, block or peak is left of what was. Checked blocks are looked at a last time if the memory is there.
  void restart(bool memory_is_there);
  /// How far the arena has handed memory out, for other threads; kept by checked arenas only.
  const std::byte* published_cursor() const noexcept { return published_.load(std::memory_order_relaxed); }
  std::size_t peak() const noexcept;      ///< the most position() has been since the start or restart()
  bool window_is_sound() const noexcept;  ///< for check(): cursor, ends, position and fences agree
  /// Looks for misuse where checked, and poisons. False: reported, the call must have no effect.
  bool deallocate_watched(void* p, std::size_t bytes, std::size_t alignment);
  /// Sends every call the slow way, whoever listens.
  void watch_always() noexcept { always_watched_ = watched_ = true; }
  /// Nobody is to hear of the marks and scopes there are now.
  void settle_marks() noexcept {
    told_floor_ = marks_.floor();
    told_marks_ = marks_.events();
  }
  /// Tells those who listen for that kind; the arguments are the fields of memory_event.
  void tell(memory_event_kind kind, const void* address = nullptr, std::size_t bytes = 0, std::size_t alignment = 0,
            std::size_t new_bytes = 0) noexcept {
    if (!ALLOT_LIKELY(!tap_.tells(kind))) tap_.tell({kind, address, bytes, alignment, new_bytes, {}, true, position()});
  }
  /// In the destructor of the class that has the memory.
  void tell_of_end() noexcept {
    if (tap_.stale()) notice_sinks();
    tell(memory_event_kind::release);
  }
  /// One that is no power of two is misuse, and then fail()s as invalid_alignment.
  void check_alignment(std::size_t alignment, const request& wanted) const;
  /// Always throws: an allocation_error in this arena's name.
  [[noreturn]] void fail(memory_errc code, const request& wanted, std::size_t limit = 0, int os_code = 0) const;

  bool tool_;              ///< a memory tool watches: annotate
  bool redzones_ = false;  ///< and blocks in this window are set apart for it
  bool checked_;           ///< look for misuse
  bool watched_;           ///< every call is looked at: always, or while somebody is told of it
  mark_book marks_;        ///< of marks and scopes
  block_fences fences_;    ///< of blocks got through allocate(), where checked

 private:
  friend class scope;
  friend class inner_scratch;
  friend class scratch;

  /// What a scope remembers of its start.
  struct moment {
    std::byte* cursor;
    mark_book::scope_start marks;
  };

  void* do_allocate(std::size_t bytes, std::size_t alignment) final { return arena::allocate(bytes, alignment); }

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
        give_up(before, memory_event_kind::pop);
        throw;
      }
    }
  }

  moment open_scope() noexcept {
    std::byte* cursor = cursor_;
    ALLOT_IN_REGISTER(cursor);
    return {cursor, marks_.open_scope(static_cast<std::size_t>(address_of(cursor) - origin_))};
  }

  /// Ends a scope if nothing but closed scopes came since its start. False, and nothing changed, otherwise.
  bool close_scope_inline(const moment& start) noexcept {
    if (!ALLOT_LIKELY(marks_.nothing_since(start.marks))) return false;
    if (!ALLOT_LIKELY(cursor_ <= high_)) high_ = cursor_;
    cursor_ = start.cursor;
    marks_.restore(start.marks);
    return true;
  }
  void close_scope(const moment& start) {
    if (!close_scope_inline(start))
      close_scope_slow(start.marks.position, start.marks.floor, start.marks.clock, start.marks.position);
  }
  // One by one, so that a scope can live in registers.
  void close_scope_slow(std::size_t start, std::size_t floor, std::uint64_t clock, std::size_t position);
  void keep_scope(std::size_t start, std::size_t floor, std::uint64_t clock) noexcept;
  bool may_go_back(std::size_t position, bool report) const;

  void* allocate_slow(std::size_t bytes, std::size_t alignment);
  void* allocate_untold(std::size_t bytes, std::size_t alignment);
  void* push_slow(std::size_t bytes, std::size_t alignment);
  void* push_untold(std::size_t bytes, std::size_t alignment);
  bool expand_untold(void* p, std::size_t old_bytes, std::size_t new_bytes) noexcept;
  template <class Serve>
  void* told(memory_event_kind kind, std::size_t bytes, std::size_t alignment, Serve serve);
  arena_mark mark_slow() noexcept;
  void notice_sinks() noexcept;
  std::byte* wanted_limit() const noexcept { return watched_ ? nullptr : end_; }
  void renew_limit() noexcept;
  request set_apart(const request& plain) const noexcept;
  std::size_t array_bytes(std::size_t count, std::size_t size, std::size_t alignment) const;
  void move_end(std::byte* p, std::size_t old_bytes, std::size_t new_bytes, std::byte* cursor) noexcept;
  void renew_fence(std::byte* p, std::size_t old_bytes, std::size_t new_bytes, const std::byte* cursor) noexcept;
  void report_found(misuse_report found) const;

  auto_alignment auto_align_;
  std::atomic<const std::byte*> published_{nullptr};
  std::size_t peak_ = 0;  // of windows before this one

  event_tap tap_;
  bool always_watched_;
  std::size_t told_floor_ = 0;  // marks_ as the tap's sinks know it: what is beyond is a scope that began inline
  std::uint64_t told_marks_ = 0;
  window_link link_{limit_};
};

}  // namespace allot
