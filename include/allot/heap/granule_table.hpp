#pragma once

#include <allot/core/bits.hpp>
#include <allot/core/compiler.hpp>
#include <cstddef>
#include <cstdint>

namespace allot {

/// What a heap knows of a range of memory, in two bits for each granule of 16 bytes, apart from the memory itself:
/// where blocks start, and which of these are in use. Blocks lie side by side, so a block ends where the next one
/// starts.
///
/// The bits of 64 granules are two words side by side. Of a block that covers such a pair of words whole, the second
/// word of the first pair and of the last holds how long the block is and, in the lowest bit, whether it is in use: no
/// block starts there, so its bits would mean nothing. So the size of a block, and the start of the one before it, are
/// found in a look at two or three words, however long they are, and without a look at the memory they lie in. Blocks
/// in use and free ones are alike in this.
///
///     granules     | 0 .. 63 | 64 .. 127 | 128 .. 191 | 192 .. 255 |
///     starts       | 1       | 0         | 0          |     1      |   a block of 196 granules
///     used         | 1       | 196 * 2+1 | 196 * 2+1  |     0      |   in use, and a free one behind it
///
/// Before the first granule a block in use is noted, and behind the last the start of a free one, which no one has.
///
/// Where the memory is, who has it, and all checks are the caller's affair. Not thread-safe.
class granule_table {
 public:
  static constexpr std::size_t granule = 16;  ///< bytes

  /// 64 granules.
  struct word_pair {
    std::uint64_t starts;  ///< a bit for each granule a block starts at
    std::uint64_t used;    ///< a bit for each of those in use, or a size: see above
  };

  /// Pairs of words for so many granules; one before and one behind are looked at, too.
  static constexpr std::size_t pairs_for(std::size_t granules) noexcept { return granules / 64 + 3; }

  granule_table() noexcept = default;
  /// `memory` has room for pairs_for() all granules there are ever to be.
  explicit granule_table(word_pair* memory) noexcept : words_(memory + 1) {}

  /// A table of no granules. Memory for those to come must be zero: new from the system, or by clear().
  void start() noexcept {
    words_[-1] = {std::uint64_t{1} << 63, std::uint64_t{1} << 63};
    words_[0] = {1, 0};
  }
  /// Makes memory for so many granules zero.
  void clear(std::size_t granules) noexcept {
    for (std::size_t at = 0; at < pairs_for(granules) - 1; ++at) words_[at] = {0, 0};
  }

  /// Moves the end of what there is. The granules added belong to no block until set_free() or set_used(); those taken
  /// away must belong to a free block, what is left of which belongs to none either.
  void move_end(std::size_t from, std::size_t to) noexcept {
    clear_start(from);
    set_free(to);
  }

  /// Whether a block starts at that granule.
  ALLOT_ALWAYS_INLINE bool is_start(std::size_t at) const noexcept {
    return (words_[at / 64].starts >> at % 64 & 1) != 0;
  }
  /// Of a block's start.
  ALLOT_ALWAYS_INLINE bool is_used(std::size_t at) const noexcept {
    return (words_[static_cast<std::ptrdiff_t>(at) >> 6].used >> at % 64 & 1) != 0;
  }
  /// Whether a block in use does.
  ALLOT_ALWAYS_INLINE bool is_used_start(std::size_t at) const noexcept {
    return ((words_[at / 64].starts & words_[at / 64].used) >> at % 64 & 1) != 0;
  }

  /// Granules of the block that starts at `at`.
  ALLOT_ALWAYS_INLINE std::size_t size_at(std::size_t at) const noexcept {
    if (const std::uint64_t behind = starts_behind(at); behind != 0) return lowest_bit(behind) + 1;
    const word_pair& next = words_[at / 64 + 1];
    if (next.starts != 0) return 64 - at % 64 + lowest_bit(next.starts);
    return static_cast<std::size_t>(next.used >> 1);
  }
  /// Whether that is so many, 1 to 63.
  ALLOT_ALWAYS_INLINE bool has_size(std::size_t at, std::size_t granules) const noexcept {
    return starts_behind(at) << (64 - granules) == std::uint64_t{1} << 63;
  }

  /// A neighbour.
  struct block {
    std::size_t start;  ///< for the block noted before the first granule: -1
    bool used;          ///< otherwise free
  };
  /// The block that ends where `at`, the start of a block or the end of all, is.
  ALLOT_ALWAYS_INLINE block before(std::size_t at) const noexcept {
    if (const std::uint64_t starts = starts_before(at); starts != 0) {
      const std::size_t last = highest_bit(starts);
      return {at - 64 + last, (used_before(at) >> last & 1) != 0};
    }
    const word_pair& previous = words_[static_cast<std::ptrdiff_t>(at / 64) - 1];
    if (previous.starts == 0) return {at - static_cast<std::size_t>(previous.used >> 1), (previous.used & 1) != 0};
    const std::size_t last = highest_bit(previous.starts);
    return {at - at % 64 - 64 + last, (previous.used >> last & 1) != 0};
  }
  /// Whether that block is in use and starts among the 64 granules before.
  ALLOT_ALWAYS_INLINE bool is_used_before(std::size_t at) const noexcept {
    const std::uint64_t starts = starts_before(at);
    return starts != 0 && (used_before(at) >> highest_bit(starts) & 1) != 0;
  }

  /// The block a granule lies in. Looks at as many words as there are from its start.
  block around(std::size_t at) const noexcept {
    std::size_t index = at / 64;
    std::uint64_t starts = words_[index].starts & (~std::uint64_t{0} >> (63 - at % 64));
    while (starts == 0) starts = words_[--index].starts;
    const std::size_t start = index * 64 + highest_bit(starts);
    return {start, is_used(start)};
  }

  /// A free block starts there from now on.
  ALLOT_ALWAYS_INLINE void set_free(std::size_t at) noexcept {
    word_pair& words = words_[at / 64];
    words.starts |= std::uint64_t{1} << at % 64;
    words.used &= ~(std::uint64_t{1} << at % 64);
  }
  /// A block in use does.
  ALLOT_ALWAYS_INLINE void set_used(std::size_t at) noexcept {
    word_pair& words = words_[at / 64];
    words.starts |= std::uint64_t{1} << at % 64;
    words.used |= std::uint64_t{1} << at % 64;
  }
  /// Of what is a block's start already.
  ALLOT_ALWAYS_INLINE void mark_used(std::size_t at) noexcept { words_[at / 64].used |= std::uint64_t{1} << at % 64; }
  /// Likewise.
  ALLOT_ALWAYS_INLINE void mark_free(std::size_t at) noexcept {
    words_[at / 64].used &= ~(std::uint64_t{1} << at % 64);
  }

  /// No block starts there any more.
  ALLOT_ALWAYS_INLINE void clear_start(std::size_t at) noexcept {
    words_[at / 64].starts &= ~(std::uint64_t{1} << at % 64);
  }

  /// Notes how long a block is. To be called after all else, with no other start inside.
  ALLOT_ALWAYS_INLINE void set_size(std::size_t at, std::size_t granules, bool used) noexcept {
    if (granules <= 64) return;
    const std::size_t first = at / 64;
    const std::size_t next = (at + granules) / 64;
    if (next - first < 2) return;
    words_[first + 1].used = words_[next - 1].used = granules << 1 | static_cast<std::uint64_t>(used);
  }

 private:
  // The bits of the 64 granules behind the one at `at`, and of the 64 before it.
  ALLOT_ALWAYS_INLINE std::uint64_t starts_behind(std::size_t at) const noexcept {
    const word_pair* const words = words_ + at / 64;
    return words[0].starts >> at % 64 >> 1 | words[1].starts << (63 - at % 64);
  }
  ALLOT_ALWAYS_INLINE std::uint64_t starts_before(std::size_t at) const noexcept {
    const word_pair* const words = words_ + at / 64;
    return words[0].starts << (63 - at % 64) << 1 | words[-1].starts >> at % 64;
  }
  ALLOT_ALWAYS_INLINE std::uint64_t used_before(std::size_t at) const noexcept {
    const word_pair* const words = words_ + at / 64;
    return words[0].used << (63 - at % 64) << 1 | words[-1].used >> at % 64;
  }

  word_pair* words_ = nullptr;
};

}  // namespace allot
