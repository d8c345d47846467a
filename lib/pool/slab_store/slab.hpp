#pragma once

#include <allot/core/bits.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/pool/slab_store.hpp>
#include <cstddef>
#include <cstdint>

namespace allot {

/// How the blocks of a class lie in a slab. Where they may not straddle pages, each window has as many as fit.
struct slab_store::shape {
  std::size_t bytes = 0;       // of a block
  std::size_t alignment = 0;   // of the first
  std::size_t slab_bytes = 0;  // how long a slab should be
  std::size_t acceptable = 0;  // one part in so many may be lost at its end
  unsigned window_shift = 0;   // 0: no windows
  std::size_t per_window = 0;

  /// Blocks in so many bytes.
  std::size_t count_in(std::size_t room) const noexcept {
    if (window_shift == 0) return room / bytes;
    const std::size_t rest = (room & ((std::size_t{1} << window_shift) - 1)) / bytes;
    return (room >> window_shift) * per_window + (rest < per_window ? rest : per_window);
  }
};

/// The header of a slab.
struct slab_store::slab {
  static constexpr std::size_t most_bytes = std::size_t{1}
                                            << 24;  // more than any slab has, and little enough to multiply

  slab* next;  // of the slabs of its class that have free blocks
  slab* previous;
  chunk* owner;
  std::byte* first;
  std::uint64_t* free_bits;
  std::uint32_t block_bytes;
  std::uint32_t reciprocal;  // of block_bytes: exact for the offset of every block
  std::uint16_t blocks;
  std::uint16_t free;
  std::uint16_t lowest_word;  // all words before have no free block; 0 again whenever one is given back
  std::uint16_t units;
  std::uint16_t per_window;
  std::uint8_t window_shift;
  std::uint8_t class_index;
  bool made_ahead;  // stays as it is, also empty, until the pool is trimmed

  std::byte* block(std::size_t at) const noexcept {
    if (window_shift == 0) return first + at * block_bytes;
    return first + (at / per_window << window_shift) + at % per_window * block_bytes;
  }

  /// Which block p points into, or a number that is too large.
  std::size_t number_around(const void* p) const noexcept {
    const std::uintptr_t offset = address_of(p) - address_of(first);  // before the first: huge
    if (offset >= reach()) return blocks;
    if (window_shift == 0) return offset / block_bytes;
    const std::size_t inside = (offset & ((std::size_t{1} << window_shift) - 1)) / block_bytes;
    return inside < per_window ? (offset >> window_shift) * per_window + inside : blocks;
  }

  /// Of the block that starts at p; false where none does.
  bool number_of(const void* p, std::size_t& at) const noexcept {
    std::uintptr_t offset = address_of(p) - address_of(first);
    if (offset >= most_bytes) return false;
    if (window_shift == 0) {
      at = static_cast<std::size_t>(std::uint64_t{offset} * reciprocal >> 32);
      return at < blocks && at * block_bytes == offset;
    }
    const std::size_t before = (offset >> window_shift) * per_window;
    offset &= (std::size_t{1} << window_shift) - 1;
    at = static_cast<std::size_t>(std::uint64_t{offset} * reciprocal >> 32);
    if (at * block_bytes != offset || at >= per_window) return false;
    at += before;
    return at < blocks;
  }

  bool is_free(std::size_t at) const noexcept { return test_bit(free_bits, at); }
  void set(std::size_t at, bool is_free) noexcept { is_free ? set_bit(free_bits, at) : clear_bit(free_bits, at); }

  /// False where the block is free already.
  bool give(std::size_t at) noexcept {
    std::uint64_t& word = free_bits[at / 64];
    const std::uint64_t bit = std::uint64_t{1} << at % 64;
    if (!ALLOT_LIKELY((word & bit) == 0)) return false;
    word |= bit;
    ++free;
    lowest_word = 0;
    return true;
  }

  /// Takes free blocks in the order of their addresses as long as more(p) says so.
  template <class More>
  void take(More more) noexcept {
    bool wanted = true;
    while (wanted && free != 0) {
      while (free_bits[lowest_word] == 0) ++lowest_word;
      std::uint64_t word = free_bits[lowest_word];
      const std::size_t base = std::size_t{lowest_word} * 64;
      while (wanted && word != 0) {
        const std::size_t at = base + lowest_bit(word);
        word &= word - 1;
        --free;
        wanted = more(block(at));
      }
      free_bits[lowest_word] = word;
    }
  }

  bool check() const noexcept {
    std::size_t found = 0;
    for (std::size_t i = 0; i < words_for(blocks); ++i) {
      if (free_bits[i] != 0 && i < lowest_word) return false;
      found += bits_set(free_bits[i]);
    }
    return blocks != 0 && found == free && free <= blocks &&
           find_bit(free_bits, blocks, words_for(blocks) * 64, true) == words_for(blocks) * 64;
  }

 private:
  /// Bytes from the first block to behind the last, or a little more.
  std::size_t reach() const noexcept {
    if (window_shift == 0) return std::size_t{blocks} * block_bytes;
    return std::size_t{blocks + per_window - 1U} / per_window << window_shift;
  }
};

}  // namespace allot
