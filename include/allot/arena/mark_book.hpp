#pragma once

#include <allot/arena/arena_mark.hpp>
#include <allot/core/compiler.hpp>
#include <array>
#include <cstddef>
#include <cstdint>

namespace allot {

/// What an arena knows of its marks and scopes: which of them are still good, and how far down they reach.
///
/// The floor is how far down the arena may go and touch none of them. Whether it was below a mark since is answered by
/// a stack of suffix minima: an entry says "since moment e the lowest position was t". Going down to t removes all
/// entries that are not lower and adds one, so positions and moments both rise from the bottom to the top, and the
/// first entry younger than a mark holds the answer. Amortised constant time; going back in LIFO order touches one
/// entry.
///
/// Eight entries are held in place. Beyond these the oldest is forgotten, and a stale mark may then pass for a good one
/// (never the other way round), unless the book is exact: then it goes on in pages of its own.
///
/// Not thread-safe.
class ALLOT_EXPORT mark_book {
 public:
  /// What a scope remembers of its start.
  struct scope_start {
    std::uint64_t clock;   ///< events and changes by then
    std::size_t floor;     ///< floor() before the scope
    std::size_t position;  ///< of the arena
  };

  mark_book() noexcept = default;
  mark_book(const mark_book&) = delete;
  mark_book& operator=(const mark_book&) = delete;
  ~mark_book() { drop_entries(); }

  /// Whether marks may be taken without more ado: not the first, and not where somebody wants to hear of them.
  bool inline_allowed() const noexcept { return inline_id_ != 0; }
  /// Allows or forbids that; before the first mark it stays forbidden.
  void allow_inline(bool allowed) noexcept { inline_id_ = allowed ? id_ : 0; }

  /// A mark of the present moment, at the arena's position. Only where that is allowed inline.
  arena_mark take_mark(std::size_t position) noexcept {
    clock_ += one_event;
    floor_ = position + 1;
    return {inline_id_, clock_ / one_event, position};
  }

  /// The same wherever it is.
  arena_mark take_mark_out_of_line(std::size_t position) noexcept;

  /// One more than the highest position with a good mark or a scope; 0 when there is none.
  std::size_t floor() const noexcept { return floor_; }

  /// Rises with every mark, and with a scope that begins where another mark or scope is.
  std::uint64_t events() const noexcept { return clock_ / one_event; }

  /// Whether the mark is of this book, and the arena was never below it since.
  bool is_good(const arena_mark& mark) const noexcept;

  /// The same, but false where what would tell has been forgotten.
  bool is_surely_good(const arena_mark& mark) const noexcept { return mark.moment_ >= forgotten_ && is_good(mark); }

  /// From now on the book is exact, whatever is said to the functions below.
  void be_exact() noexcept { exact_ = true; }

  /// Whether no good mark or scope is above `position`: the arena may go down there, and all stay good.
  bool none_above(std::size_t position) const noexcept { return position + 1 >= floor_; }

  /// From now on something is at `position`, as if it were a mark.
  void raise_floor(std::size_t position) noexcept { floor_ = position + 1; }

  /// Going back from here has to undo more than the cursor: no scope may end inline that began before.
  void note_change() noexcept { clock_ += one_change; }

  /// The arena went down to `position`. Marks above are stale.
  void note_lowering(std::size_t position, bool exact) noexcept;

  /// All marks and scopes there are become stale.
  void forget(bool exact) noexcept;

  /// Begins a scope at the arena's position.
  scope_start open_scope(std::size_t position) noexcept {
    std::size_t floor = floor_;
    ALLOT_IN_REGISTER(floor);
    floor_ = position + 1;
    if (!ALLOT_LIKELY(floor != position + 1)) clock_ += one_event;
    return {clock_, floor, position};
  }

  /// Whether nothing but closed scopes came since the scope's start: setting the cursor back undoes all of it.
  bool nothing_since(const scope_start& start) const noexcept {
    return clock_ == start.clock && floor_ == start.position + 1;
  }

  /// The same, but more than the cursor may have to be undone.
  bool only_scopes_since(const scope_start& start) const noexcept {
    return clock_ / one_event == start.clock / one_event && floor_ == start.position + 1;
  }

  /// Whether the arena was never below the scope's start since.
  bool is_good(const scope_start& start) const noexcept { return never_below(start.position, start.clock / one_event); }

  /// Ends a scope when there were only scopes since: what held before it holds again.
  void restore(const scope_start& start) noexcept {
    if (!ALLOT_LIKELY(start.floor != start.position + 1)) clock_ -= one_event;
    floor_ = start.floor;
  }

 private:
  // Two counters in one number, so that one comparison tells a scope that nothing happened. Events, in the upper 48
  // bits, are marks, going below a mark or the start of a scope, and scopes that start where another mark or scope is
  // (these take theirs back); changes are all that must be undone beside setting the cursor back, and may well
  // overflow.
  static constexpr std::uint64_t one_event = std::uint64_t{1} << 16;
  static constexpr std::uint64_t one_change = 1;

  struct entry {
    std::uint64_t moment;
    std::ptrdiff_t lowest;
  };
  static constexpr std::size_t in_place = 8;
  static constexpr std::ptrdiff_t nowhere = -1;  // lower than every position: all that was is gone

  static std::uint64_t new_id() noexcept;

  bool never_below(std::size_t position, std::uint64_t moment) const noexcept;
  void record(std::ptrdiff_t lowest, bool exact) noexcept;
  entry* entries() noexcept { return pages_ != nullptr ? pages_ : few_.data(); }
  const entry* entries() const noexcept { return pages_ != nullptr ? pages_ : few_.data(); }
  bool grow() noexcept;
  void drop_entries() noexcept;

  std::size_t floor_ = 0;        // one more than the highest position with a good mark or a scope; 0: there is none
  std::uint64_t clock_ = 0;      // events and changes
  std::uint64_t id_ = 0;         // of marks; 0: none was taken yet
  std::uint64_t forgotten_ = 0;  // the moment of the newest entry that was forgotten
  std::uint64_t inline_id_ = 0;  // the same where marks are taken inline
  bool exact_ = false;

  std::size_t count_ = 0;
  std::size_t capacity_ = in_place;
  entry* pages_ = nullptr;
  std::array<entry, in_place> few_;
};

}  // namespace allot
