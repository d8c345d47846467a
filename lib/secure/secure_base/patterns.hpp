#pragma once

#include <algorithm>
#include <allot/core/compiler.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "canary.hpp"
#include "slab.hpp"

namespace allot::secure {

/// Two words looked at or written together, by one instruction where the compiler has vectors.
#if defined(ALLOT_VECTOR_OF_BYTES)
using two_words = std::uint64_t ALLOT_VECTOR_OF_BYTES(16);
#else
struct two_words {
  std::uint64_t words[2];

  std::uint64_t operator[](std::size_t i) const noexcept { return words[i]; }
  friend two_words operator|(const two_words& a, const two_words& b) noexcept {
    return {{a.words[0] | b.words[0], a.words[1] | b.words[1]}};
  }
};
#endif

inline two_words load_two(const std::byte* p) noexcept {
  two_words loaded;
  std::memcpy(&loaded, p, sizeof loaded);
  return loaded;
}

/// Overwrites with zero in a way the compiler must keep. `bytes` is a multiple of 8.
inline void wipe(std::byte* p, std::size_t bytes) noexcept {
  constexpr std::size_t worth_a_call = 1024;
  constexpr std::size_t step = 64;
  std::byte* const end = p + bytes;
  if (bytes > worth_a_call) {
    std::memset(p, 0, bytes);
  } else if (bytes >= step) {
    for (std::byte* at = p; at < end - step; at += step) std::memset(at, 0, step);
    std::memset(end - step, 0, step);  // what of it was done already, again
  } else {
    for (std::byte* at = p; at != end; at += 8) store_word(at, 0);
  }
  ALLOT_ASSUME_READ(p);
}

/// Whether bytes, a multiple of 8, are all zero.
inline bool is_zero(const std::byte* p, std::size_t bytes) noexcept {
  constexpr std::size_t step = 64;
  const std::byte* const end = p + bytes;
  if (bytes < step) {
    std::uint64_t any = 0;
    for (const std::byte* at = p; at != end; at += 8) any |= load_word(at);
    return any == 0;
  }
  const auto all_of = [](const std::byte* at) {
    return (load_two(at) | load_two(at + 16)) | (load_two(at + 32) | load_two(at + 48));
  };
  two_words any = all_of(end - step);
  for (const std::byte* at = p; at < end - step; at += step) any = any | all_of(at);
  return (any[0] | any[1]) == 0;
}

/// What stands around and in the places of small blocks:
///
///     | block | slack, filled with the canary from the block's end on | canary, up to the place's end |
///
/// A free place is zero up to its canary, which is the last block's; where none ever was, that is zero, too.
template <class Features>
class patterns {
 public:
  patterns(const Features& has, const secret_keys& keys) noexcept : has_(has), keys_(keys) {}

  std::uint64_t canary(const std::byte* begin, record about) const noexcept {
    return keys_.canary(begin, records::number(about), has_.strong);
  }

  /// A record with its tag, where it has one.
  record tagged(const std::byte* begin, record about) const noexcept {
    if (!has_.strong) return about;
    about &= ~records::tag_mask;
    return about | (keys_.tag(begin, about) & records::tag_mask);
  }
  bool tag_holds(const std::byte* begin, record about) const noexcept {
    return !has_.strong || about == 0 || tagged(begin, about) == about;
  }

  /// Whether all canary words up to `end`, the end of a place, are that.
  bool fence_is(const std::byte* end, std::uint64_t canary) const noexcept {
    std::uint64_t differences = 0;
    for (std::size_t i = 8; i <= has_.behind; i += 8) differences |= load_word(end - i) ^ canary;
    return differences == 0;
  }
  /// Whether the fence of a place is as the place was left.
  bool fence_intact(const std::byte* begin, std::size_t stride, record about) const noexcept {
    return fence_is(begin + stride, about != 0 ? canary(begin, about) : 0);
  }
  void write_fence(std::byte* end, std::uint64_t canary) const noexcept {
    for (std::size_t i = 8; i <= has_.behind; i += 8) store_word(end - i, canary);
  }

  /// Around a block that comes into use.
  void write(std::byte* begin, std::size_t bytes, std::size_t stride, record about) const noexcept {
    const std::uint64_t word = canary(begin, about);
    std::byte* const fence = begin + stride - has_.behind;
    std::byte* const slack = begin + bytes;
    const std::byte* const end = slack_end(slack, fence);
    for (std::byte* at = slack; at < end; at += 8) store_word(at, word);
    write_fence(begin + stride, word);
  }

  /// Whether they are as they were written. Where two words overlap the later one counts.
  bool intact(const std::byte* begin, std::size_t bytes, std::size_t stride, record about) const noexcept {
    const std::uint64_t word = canary(begin, about);
    const std::byte* const fence = begin + stride - has_.behind;
    const std::byte* at = begin + bytes;
    if (!ALLOT_LIKELY(fence - at < 8)) {
      std::uint64_t differences = 0;
      const std::byte* const end = slack_end(at, fence);
      for (; end - at >= 8; at += 8) differences |= load_word(at) ^ word;
      if (differences != 0) return false;
      if (end != fence) at = fence;
    }
    return ((load_word(at) ^ word) & first_bytes(static_cast<std::size_t>(fence - at))) == 0 &&
           fence_is(begin + stride, word);
  }

  /// Whether a free place is as it was left, all of it.
  bool untouched(const std::byte* begin, std::size_t stride, record about) const noexcept {
    return is_zero(begin, stride - has_.behind) && fence_intact(begin, stride, about);
  }

 private:
  /// Up to where slack is filled.
  const std::byte* slack_end(const std::byte* slack, const std::byte* fence) const noexcept {
    constexpr std::ptrdiff_t filled = 64;
    const std::ptrdiff_t slack_bytes = fence - slack;
    return slack + (has_.strong || slack_bytes < filled ? slack_bytes : filled);
  }

  const Features& has_;
  const secret_keys& keys_;
};

}  // namespace allot::secure
