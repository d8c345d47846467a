#pragma once

#include <cstddef>
#include <cstdint>

namespace allot::secure {

/// What is remembered of one place in a slab, in one word:
///
///     bits 0-15 bytes | 16-19 log2 of the alignment | 20-21 state | 22-39 number of the allocation | 40-63 tag
///
/// 0 is a place that was never used since its slab was opened. The tag is a keyed hash of the rest, at levels that want
/// it.
using record = std::uint64_t;

namespace records {

enum class state : unsigned { never = 0, live = 1, freed = 2 };

inline constexpr record identity_mask = (record{1} << 22) - 1;
inline constexpr unsigned number_shift = 22;
inline constexpr record number_mask = (record{1} << 18) - 1;
inline constexpr unsigned tag_shift = 40;
inline constexpr record tag_mask = ~((record{1} << tag_shift) - 1);

constexpr record identity(std::size_t bytes, unsigned align_log, state is) noexcept {
  return record{bytes} | record{align_log} << 16 | record{static_cast<unsigned>(is)} << 20;
}
constexpr std::size_t bytes(record r) noexcept { return static_cast<std::size_t>(r & 0xffff); }
constexpr std::size_t alignment(record r) noexcept { return std::size_t{1} << (r >> 16 & 15); }
constexpr state state_of(record r) noexcept { return static_cast<state>(r >> 20 & 3); }
constexpr std::uint64_t number(record r) noexcept { return r >> number_shift & number_mask; }

}  // namespace records

/// A place of a block size: the number of its slab, from 1 on, and its own in the slab.
using place_id = std::uint64_t;
inline constexpr place_id no_place = 0;
constexpr place_id make_place_id(std::uint32_t slab_number, std::uint32_t place) noexcept {
  return place_id{slab_number} << 32 | place;
}
constexpr std::uint32_t slab_of(place_id p) noexcept { return static_cast<std::uint32_t>(p >> 32); }
constexpr std::uint32_t place_in_slab(place_id p) noexcept { return static_cast<std::uint32_t>(p); }

/// A run of pages cut into places of one size, as remembered in metadata. The free bits and the records of its places
/// follow it there.
struct alignas(8) slab {
  std::byte* memory;
  std::uint32_t free_places;
  std::uint32_t words;   // of free bits
  std::uint32_t number;  // among those of its block size
  bool accessible;       // false: it was given back, and its pages fault
  bool listed;           // in its size's list of slabs with free places
  slab* previous;        // in that list, or in the one of slabs given back
  slab* next;

  std::uint64_t* free_bits() noexcept { return reinterpret_cast<std::uint64_t*>(this + 1); }
  const std::uint64_t* free_bits() const noexcept { return reinterpret_cast<const std::uint64_t*>(this + 1); }
  record* places() noexcept { return free_bits() + words; }
  const record* places() const noexcept { return free_bits() + words; }
};
static_assert(sizeof(slab) % sizeof(std::uint64_t) == 0);

/// Address space of slabs of one size. Position 0 is a guard, and so is what `slabs` has no entry for.
struct region {
  std::byte* base;
  std::size_t bytes;
  std::size_t positions;
  std::size_t opened = 0;  // positions that are guards or committed, from the start
  std::size_t next = 0;    // the first of them nobody has looked at
  bool scattered;          // at a place of our choice
  slab** slabs;
  region* older;
};

}  // namespace allot::secure
