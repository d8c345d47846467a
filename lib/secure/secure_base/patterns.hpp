#pragma once

#include <algorithm>
#include <allot/core/checked_size.hpp>
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
///     | block | slack | canary, up to the place's end |
///
/// Slack is filled with the canary as well, so that the last bytes of its first word stand behind the block.
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
    std::byte* const full = begin + align_up(bytes, 8);  // the first whole word of slack
    const std::uint64_t behind = last_bytes(align_up(bytes, 8) - bytes);
    store_word(full - 8, (load_word(full - 8) & ~behind) | (word & behind));
    if (has_.strong)
      for (std::byte* at = full; at < fence; at += 8) store_word(at, word);
    else if (full != fence)
      for (std::ptrdiff_t i = 0; i < filled_slack; i += 8) store_word(std::min(full + i, fence), word);
    write_fence(begin + stride, word);
  }

  /// Whether they are as they were written. Reads the last bytes of the block, too, so that its user must be done with
  /// it.
  bool intact(const std::byte* begin, std::size_t bytes, std::size_t stride, record about) const noexcept {
    const std::byte* const last = begin + align_up(bytes, 8) - 8;
    const std::uint64_t behind = last_bytes(align_up(bytes, 8) - bytes);
    const std::uint64_t word = canary(begin, about);
    return ((load_word(last) ^ word) & behind) == 0 && words_intact(begin, bytes, stride, word);
  }

  /// The same while the block is in use, perhaps by another thread.
  bool intact_in_use(const std::byte* begin, std::size_t bytes, std::size_t stride, record about) const noexcept {
    const std::uint64_t word = canary(begin, about);
    std::byte each[sizeof word];
    store_word(each, word);
    for (std::size_t at = bytes; at % sizeof word != 0; ++at)
      if (begin[at] != each[at % sizeof word]) return false;
    return words_intact(begin, bytes, stride, word);
  }

  /// Whether a free place is as it was left, all of it.
  bool untouched(const std::byte* begin, std::size_t stride, record about) const noexcept {
    return is_zero(begin, stride - has_.behind) && fence_intact(begin, stride, about);
  }

 private:
  /// Whether the whole words of slack and the canary are.
  bool words_intact(const std::byte* begin, std::size_t bytes, std::size_t stride, std::uint64_t word) const noexcept {
    const std::byte* const fence = begin + stride - has_.behind;
    const std::byte* const full = begin + align_up(bytes, 8);
    std::uint64_t differences = 0;
    if (has_.strong)
      for (const std::byte* at = full; at < fence; at += 8) differences |= load_word(at) ^ word;
    else if (full != fence)
      for (std::ptrdiff_t i = 0; i < filled_slack; i += 8) differences |= load_word(std::min(full + i, fence)) ^ word;
    return differences == 0 && fence_is(begin + stride, word);
  }

  // Bytes of slack that are filled, where not all are. A count that does not depend on the block spares the processor a
  // guess; words past the slack are those of the canary.
  static constexpr std::ptrdiff_t filled_slack = 64;

  const Features& has_;
  const secret_keys& keys_;
};

}  // namespace allot::secure
