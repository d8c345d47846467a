#pragma once

#include <allot/core/compiler.hpp>
#include <allot/secure/chacha_random.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "slab.hpp"

namespace allot::secure {

/// Freed places on their way to being used again: each first waits in an array from which a random one is pushed out by
/// the next, and then in a queue. Until both are full nothing comes out. What comes out is known one step ahead, so
/// that its memory can be fetched meanwhile. The arrays are someone else's.
class quarantine {
 public:
  static constexpr std::size_t most_entries = 8192;  // in each of the two

  /// Zero memory for `entries` in each of both.
  static constexpr std::size_t bytes_for(std::size_t entries) noexcept { return 2 * entries * sizeof(place_id); }
  void adopt(void* memory, std::size_t entries) noexcept {
    shuffled_ = static_cast<place_id*>(memory);
    queue_ = shuffled_ + entries;
    entries_ = static_cast<std::uint32_t>(entries);
  }

  /// Places in it now.
  std::size_t waiting() const noexcept { return waiting_; }

  /// In each of the two arrays.
  std::size_t entries() const noexcept { return entries_; }

  /// Takes a place in, where there are entries; what is pushed out for it, or none.
  place_id push(place_id p, chacha_random& random) noexcept {
    p = std::exchange(shuffled_[random.below(entries_)], p);
    if (ALLOT_LIKELY(p != no_place && entries_ != 1)) {
      p = std::exchange(queue_[oldest_], p);
      oldest_ = oldest_ + 2 == entries_ ? 0 : oldest_ + 1;  // one more waits in next_out_
    }
    p = std::exchange(next_out_, p);
    if (!ALLOT_LIKELY(p != no_place)) ++waiting_;
    return p;
  }

  /// What comes out next, or none.
  place_id next_out() const noexcept { return next_out_; }

  /// Empties it, giving each to visit().
  template <class Visit>
  void drain(Visit visit) {
    for (std::size_t i = 0; i < 2 * std::size_t{entries_}; ++i)
      if (shuffled_[i] != no_place) visit(std::exchange(shuffled_[i], no_place));
    if (next_out_ != no_place) visit(std::exchange(next_out_, no_place));
    waiting_ = 0;
  }

 private:
  place_id* shuffled_ = nullptr;
  place_id* queue_ = nullptr;
  place_id next_out_ = no_place;
  std::uint32_t entries_ = 0;
  std::uint32_t oldest_ = 0;
  std::uint32_t waiting_ = 0;
};

}  // namespace allot::secure
