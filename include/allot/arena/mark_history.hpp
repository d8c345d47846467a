#pragma once

#include <allot/core/compiler.hpp>
#include <array>
#include <cstddef>
#include <cstdint>

namespace allot {

/// Remembers how far down an arena has gone since when, so that a mark can be told from one the arena was below since.
///
/// A stack of suffix minima: an entry says "since moment e the lowest position was t". Going down to t removes all
/// entries that are not lower and adds one, so positions and moments both rise from the bottom to the top, and the
/// first entry younger than a mark holds the answer. Amortised constant time; going back in LIFO order touches one
/// entry.
///
/// Eight entries are held in place. Beyond these the oldest is forgotten, and a stale mark may then pass for a good one
/// (never the other way round), unless the history is exact: then it goes on in pages of its own.
///
/// Not thread-safe.
class ALLOT_EXPORT mark_history {
 public:
  /// Lower than every position: all that was is gone.
  static constexpr std::ptrdiff_t nowhere = -1;

  mark_history() noexcept = default;
  mark_history(const mark_history&) = delete;
  mark_history& operator=(const mark_history&) = delete;
  ~mark_history() { forget(); }

  /// At `moment`, later than all before, the arena went down to `position`, or to nowhere.
  void record(std::uint64_t moment, std::ptrdiff_t position, bool exact) noexcept;

  /// Whether the arena was never below `position` after `moment`.
  bool never_below(std::size_t position, std::uint64_t moment) const noexcept;

  /// Nothing recorded, as constructed.
  void forget() noexcept;

 private:
  struct entry {
    std::uint64_t moment;
    std::ptrdiff_t lowest;
  };
  static constexpr std::size_t in_place = 8;

  entry* entries() noexcept { return pages_ != nullptr ? pages_ : few_.data(); }
  const entry* entries() const noexcept { return pages_ != nullptr ? pages_ : few_.data(); }
  bool grow() noexcept;

  std::size_t count_ = 0;
  std::size_t capacity_ = in_place;
  entry* pages_ = nullptr;
  std::array<entry, in_place> few_;
};

}  // namespace allot
