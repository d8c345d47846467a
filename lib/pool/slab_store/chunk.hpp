#pragma once

#include <algorithm>
#include <allot/core/bits.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/pool/slab_store.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#include "slab.hpp"

namespace allot {

/// A stretch of units that are free.
struct slab_store::run {
  std::size_t first = 0;
  std::size_t units = 0;
};

/// The header of a chunk, at its start. Units are aligned to their size wherever the chunk lies: room for that is in
/// every chunk, so how many it has depends on its size alone.
///
///     | this | slab headers, one a unit | free units, bits | free blocks, bits of all units | unit map | gap | units
///     ...
struct slab_store::chunk {
  static constexpr std::size_t alignment = alignof(std::max_align_t);
  static constexpr std::size_t largest_unit = 4096;
  static constexpr std::size_t smallest_unit = 256;
  static constexpr std::uint8_t no_slab = 255;

  std::size_t bytes;  // as it goes back
  std::byte* units;
  std::uint64_t* free_bits;
  std::uint64_t* block_bits;
  std::uint8_t* map;  // of each unit, how many units before it its slab starts; no_slab where it is in none
  std::uint32_t unit_count;
  std::uint32_t free_units;
  std::uint32_t first_free;  // all units before are in slabs
  std::uint32_t unit_shift;

  // ---- what a chunk would have

  static constexpr std::size_t block_words(std::size_t unit) noexcept { return words_for(unit / size_table::smallest); }
  static std::size_t header_bytes(std::size_t units, std::size_t unit) noexcept {
    const std::size_t words = words_for(units) + units * block_words(unit);
    return align_up(sizeof(chunk) + units * sizeof(slab) + words * sizeof(std::uint64_t) + units, alignment);
  }
  static std::size_t bytes_with(std::size_t units, std::size_t unit) noexcept {
    return align_up(header_bytes(units, unit) + unit - alignment + units * unit, alignment);
  }
  static std::size_t units_in(std::size_t bytes, std::size_t unit) noexcept {
    std::size_t units = bytes / unit;
    while (units != 0 && bytes_with(units, unit) > bytes) --units;
    return units;
  }
  /// Units it takes for a block, wherever the first of them starts.
  static std::size_t units_for_one(const shape& blocks, std::size_t unit) noexcept {
    const std::size_t gap = blocks.alignment > unit ? blocks.alignment - unit : 0;
    return (blocks.bytes + gap + unit - 1) / unit;
  }

  static std::size_t least_bytes(const shape& blocks) noexcept {
    return bytes_with(units_for_one(blocks, smallest_unit), smallest_unit);
  }
  /// The size for so many blocks in one slab, and at least one.
  static std::size_t bytes_for(std::size_t block_bytes, const shape& blocks) noexcept {
    const std::size_t unit = block_bytes >= 8 * largest_unit ? largest_unit : smallest_unit;
    const std::size_t gap = blocks.alignment > unit ? blocks.alignment - unit : 0;
    return bytes_with(std::max((block_bytes + gap) / unit, units_for_one(blocks, unit)), unit);
  }
  /// The largest unit of which the chunk has at least eight and room for a block.
  static std::size_t unit_for(std::size_t bytes, const shape& blocks) noexcept {
    std::size_t unit = largest_unit;
    while (unit > smallest_unit && (unit > bytes / 8 || units_in(bytes, unit) < units_for_one(blocks, unit))) unit /= 2;
    return unit;
  }

  /// Makes a chunk of memory that has least_bytes() and more.
  static chunk* make(void* memory, std::size_t bytes, const shape& blocks) noexcept {
    const std::size_t unit = unit_for(bytes, blocks);
    const std::size_t units = units_in(bytes, unit);
    auto* const made = ::new (memory) chunk;
    auto* const start = static_cast<std::byte*>(memory);
    std::byte* const bits = start + sizeof(chunk) + units * sizeof(slab);
    std::byte* const headers_end = start + header_bytes(units, unit);
    made->bytes = bytes;
    made->units = headers_end + padding_for(address_of(headers_end), unit);
    made->free_bits = reinterpret_cast<std::uint64_t*>(bits);
    made->block_bits = made->free_bits + words_for(units);
    made->map = reinterpret_cast<std::uint8_t*>(made->block_bits + units * block_words(unit));
    made->unit_count = made->free_units = static_cast<std::uint32_t>(units);
    made->first_free = 0;
    made->unit_shift = log2_of(unit);
    std::fill_n(made->map, units, no_slab);
    fill_bits(made->free_bits, units);
    return made;
  }

  // ---- what it has

  std::size_t unit_bytes() const noexcept { return std::size_t{unit_count} << unit_shift; }
  std::size_t free_bytes() const noexcept { return std::size_t{free_units} << unit_shift; }
  bool is_empty() const noexcept { return free_units == unit_count; }
  std::size_t bytes_of(const slab& each) const noexcept { return std::size_t{each.units} << unit_shift; }

  slab* header(std::size_t unit) noexcept { return reinterpret_cast<slab*>(this + 1) + unit; }
  const slab* header(std::size_t unit) const noexcept { return reinterpret_cast<const slab*>(this + 1) + unit; }

  /// Null where p is in no slab.
  const slab* slab_of(const void* p) const noexcept {
    const std::uintptr_t unit = (address_of(p) - address_of(units)) >> unit_shift;
    if (unit >= unit_count) return nullptr;
    return map[unit] != no_slab ? header(unit - map[unit]) : nullptr;
  }
  slab* slab_of(const void* p) noexcept { return const_cast<slab*>(std::as_const(*this).slab_of(p)); }

  template <class Visit>
  void for_each_slab(Visit visit) const {
    for (std::size_t i = 0; i < unit_count; i += map[i] == 0 ? header(i)->units : 1U)
      if (map[i] == 0) visit(*header(i));
  }

  // ---- runs of units

  std::size_t unit() const noexcept { return std::size_t{1} << unit_shift; }
  std::size_t units_for_one(const shape& blocks) const noexcept { return units_for_one(blocks, unit()); }

  /// Units of a slab as long as it should be. A little longer, where less is lost at the end then.
  std::size_t units_for(const shape& blocks) const noexcept {
    const std::size_t least = std::max(units_for_one(blocks), (blocks.slab_bytes + unit() - 1) >> unit_shift);
    std::size_t best = least;
    std::size_t best_loss = unit_bytes();
    for (std::size_t count = least; count < least + 16; ++count) {
      const std::size_t room = count << unit_shift;
      const std::size_t loss = room - blocks.count_in(room) * blocks.bytes;
      if (loss * best < best_loss * count) {
        best = count;
        best_loss = loss;
      }
      if (loss * blocks.acceptable <= room) break;
    }
    return std::min<std::size_t>(best, no_slab);
  }

  /// So many free units side by side, or else the longest run there is, but no shorter than `least`.
  run find_run(std::size_t wanted, std::size_t least) noexcept {
    run longest;
    first_free = static_cast<std::uint32_t>(find_bit(free_bits, first_free, unit_count, true));
    for (std::size_t at = first_free; at < unit_count;) {
      const std::size_t end = find_bit(free_bits, at, unit_count, false);
      if (end - at > longest.units) longest = {at, end - at};
      if (longest.units >= wanted) break;
      at = find_bit(free_bits, end, unit_count, true);
    }
    longest.units = std::min<std::size_t>(longest.units, no_slab);
    return longest.units >= least ? longest : run{};
  }

  slab& make_slab(const run& stretch, std::size_t index, const shape& blocks) noexcept {
    for (std::size_t i = 0; i < stretch.units; ++i) {
      clear_bit(free_bits, stretch.first + i);
      map[stretch.first + i] = static_cast<std::uint8_t>(i);
    }
    free_units -= static_cast<std::uint32_t>(stretch.units);
    slab& made = *header(stretch.first);
    std::byte* const start = units + (stretch.first << unit_shift);
    const std::size_t gap = padding_for(address_of(start), blocks.alignment);
    made.owner = this;
    made.first = start + gap;
    made.free_bits = block_bits + stretch.first * block_words(unit());
    made.block_bytes = static_cast<std::uint32_t>(blocks.bytes);
    made.reciprocal = static_cast<std::uint32_t>((std::uint64_t{1} << 32) / blocks.bytes + 1);
    made.blocks = made.free = static_cast<std::uint16_t>(blocks.count_in((stretch.units << unit_shift) - gap));
    made.lowest_word = 0;
    made.units = static_cast<std::uint16_t>(stretch.units);
    made.per_window = static_cast<std::uint16_t>(blocks.per_window);
    made.window_shift = static_cast<std::uint8_t>(blocks.window_shift);
    made.class_index = static_cast<std::uint8_t>(index);
    made.made_ahead = false;
    fill_bits(made.free_bits, made.blocks);
    return made;
  }

  void retire(slab& empty) noexcept {
    const auto first = static_cast<std::size_t>(&empty - header(0));
    const std::size_t count = empty.units;
    for (std::size_t i = 0; i < count; ++i) {
      set_bit(free_bits, first + i);
      map[first + i] = no_slab;
    }
    free_units += static_cast<std::uint32_t>(count);
    first_free = std::min(first_free, static_cast<std::uint32_t>(first));
  }

  bool check() const noexcept {
    std::size_t in_slabs = 0;
    bool sound = first_free <= find_bit(free_bits, 0, unit_count, true);
    for_each_slab([&](const slab& each) {
      in_slabs += each.units;
      sound = sound && each.owner == this && each.check();
    });
    std::size_t free = 0;
    for (std::size_t i = 0; i < words_for(unit_count); ++i) free += bits_set(free_bits[i]);
    return sound && free == free_units && in_slabs + free == unit_count &&
           range_contains(this, bytes, units, unit_bytes());
  }
};

}  // namespace allot
