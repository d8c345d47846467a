#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <cstdint>

namespace allot {

// Words as sets of bits, and sets of which the words lie elsewhere. Not thread-safe.

/// The place of the lowest bit set, of a word that is not 0.

inline std::size_t lowest_bit(std::uint64_t word) noexcept {
#if defined(ALLOT_TRAILING_ZEROS)
  return static_cast<std::size_t>(ALLOT_TRAILING_ZEROS(word));
#else
  std::size_t at = 0;
  for (; (word & 1) == 0; word >>= 1) ++at;
  return at;
#endif
}

/// The place of the highest bit set, of a word that is not 0.
inline std::size_t highest_bit(std::uint64_t word) noexcept {
#if defined(ALLOT_LEADING_ZEROS)
  return static_cast<std::size_t>(63 - ALLOT_LEADING_ZEROS(word));
#else
  std::size_t at = 0;
  while (word >>= 1) ++at;
  return at;
#endif
}

/// How many bits are 1.
inline std::size_t bits_set(std::uint64_t word) noexcept {
  std::size_t count = 0;
  for (; word != 0; word &= word - 1) ++count;
  return count;
}

/// Both halves of the 128-bit product, folded into one word by exclusive or.
inline std::uint64_t folded_product(std::uint64_t a, std::uint64_t b) noexcept {
#if defined(ALLOT_UNSIGNED_128)
  using wide = ALLOT_UNSIGNED_128;
  const wide product = static_cast<wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
#else
  const std::uint64_t low_mask = 0xffffffff;
  const std::uint64_t low = (a & low_mask) * (b & low_mask);
  const std::uint64_t left = (a >> 32) * (b & low_mask);
  const std::uint64_t right = (a & low_mask) * (b >> 32);
  const std::uint64_t middle = (low >> 32) + (left & low_mask) + (right & low_mask);
  const std::uint64_t high = (a >> 32) * (b >> 32) + (left >> 32) + (right >> 32) + (middle >> 32);
  return ((middle << 32) | (low & low_mask)) ^ high;
#endif
}

/// Of a power of two.
inline unsigned log2_of(std::uint64_t value) noexcept { return static_cast<unsigned>(lowest_bit(value)); }

/// How many words hold a set of so many bits.
constexpr std::size_t words_for(std::size_t bits) noexcept { return (bits + 63) / 64; }

/// One bit of a set in words.
/// @{
inline bool test_bit(const std::uint64_t* words, std::size_t at) noexcept {
  return (words[at / 64] >> at % 64 & 1) != 0;
}
inline void set_bit(std::uint64_t* words, std::size_t at) noexcept { words[at / 64] |= std::uint64_t{1} << at % 64; }
inline void clear_bit(std::uint64_t* words, std::size_t at) noexcept {
  words[at / 64] &= ~(std::uint64_t{1} << at % 64);
}
/// @}

/// Sets the first `count` bits, and clears those of the last word behind them.
inline void fill_bits(std::uint64_t* words, std::size_t count) noexcept {
  std::size_t at = 0;
  for (; count >= 64; count -= 64) words[at++] = ~std::uint64_t{0};
  if (count != 0) words[at] = (std::uint64_t{1} << count) - 1;
}

/// The first bit from `at` on that is as wanted; `end` where there is none.
inline std::size_t find_bit(const std::uint64_t* words, std::size_t at, std::size_t end, bool wanted) noexcept {
  while (at < end) {
    const std::uint64_t word = (wanted ? words[at / 64] : ~words[at / 64]) >> at % 64;
    if (word != 0) return at + lowest_bit(word) < end ? at + lowest_bit(word) : end;
    at = (at / 64 + 1) * 64;
  }
  return end;
}

}  // namespace allot
