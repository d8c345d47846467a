#pragma once

#include <allot/block/reserved_range.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/compiler.hpp>
#include <array>
#include <cstddef>

namespace allot {

/// A few ranges that were given back and stay committed, for the next who needs one. Bounded in number and in committed
/// bytes. Not thread-safe.
class ALLOT_EXPORT range_cache {
 public:
  using extent = reserved_range::extent;  ///< a range in numbers

  static constexpr std::size_t most_ranges = 64;  ///< that any cache keeps

  /// @param ranges, bytes  how many ranges at most, up to most_ranges, and how many committed bytes in them
  range_cache(std::size_t ranges, std::size_t bytes) noexcept;

  /// The most that one range may keep committed, so that a large one does not drive all others out.
  std::size_t share() const noexcept { return bytes_allowed_ / 4; }

  /// Whether a range with that many committed bytes can be kept when older ones are taken out.
  bool may_hold(std::size_t committed) const noexcept { return ranges_allowed_ != 0 && committed <= share(); }
  /// Whether it can be kept now.
  bool has_room(std::size_t committed) const noexcept {
    return count_ < ranges_allowed_ && committed <= bytes_allowed_ - bytes_;
  }

  void put(const extent& range) noexcept {  ///< has_room() said so
    ranges_[count_++] = range;
    bytes_ += range.committed;
  }

  /// Takes out the newest range of exactly that size whose address suits, or none: data is null then.
  extent take(std::size_t size, std::size_t alignment) noexcept {
    for (std::size_t i = count_; i-- != 0;)
      if (ranges_[i].size == size && is_aligned(ranges_[i].data, alignment)) return take_at(i);
    return {};
  }
  extent take_oldest() noexcept;  ///< data is null when there is none

  std::size_t count() const noexcept { return count_; }
  std::size_t bytes() const noexcept { return bytes_; }  ///< committed, in all

 private:
  extent take_at(std::size_t index) noexcept {
    const extent taken = ranges_[index];
    bytes_ -= taken.committed;
    if (index != --count_) close_gap(index);
    return taken;
  }
  void close_gap(std::size_t index) noexcept;

  std::array<extent, most_ranges> ranges_{};  // oldest first
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  std::size_t ranges_allowed_;
  std::size_t bytes_allowed_;
};

}  // namespace allot
