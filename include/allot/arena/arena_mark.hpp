#pragma once

#include <cstddef>
#include <cstdint>

namespace allot {

/// A moment in the life of an arena, to go back to. A plain value: it may be copied, kept and thrown away; it keeps
/// nothing alive.
///
/// It stays good as long as the arena has not been below it: going back to it, as often as wanted, or to a later mark
/// changes nothing about that. Once the arena has been below, been released or been moved, the mark is stale, whatever
/// the position is by then.
class arena_mark {
 public:
  /// A mark of no arena: always stale.
  arena_mark() noexcept = default;

  /// The arena's position in bytes when the mark was taken.
  std::size_t position() const noexcept { return position_; }

 private:
  friend class mark_book;
  arena_mark(std::uint64_t arena, std::uint64_t moment, std::size_t position) noexcept
      : arena_(arena), moment_(moment), position_(position) {}

  std::uint64_t arena_ = 0;  // never used again for another arena
  std::uint64_t moment_ = 0;
  std::size_t position_ = 0;
};

}  // namespace allot
