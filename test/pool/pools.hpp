#pragma once

#include <algorithm>
#include <allot/core/memory_tools.hpp>
#include <allot/pool/pool_options.hpp>
#include <allot/pool/pool_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

// Ways to make a pool, and to fill one.

namespace allot::test {

/// Under a memory tool there are no magazines, and blocks lie apart: exact numbers are those of the plain program.
inline bool plain() { return !memory_tools::active(); }

struct named_options {
  std::string name;
  pool_options options;
};

/// One for each spacing; the lists of sizes live for ever.
inline std::vector<named_options> every_spacing() {
  static constexpr std::array<std::size_t, 8> odd_sizes{3000, 24, 56, 40, 24, 1000, 20001, 0};
  static constexpr std::array<std::size_t, 1> one_size{200};
  std::vector<named_options> all;
  const auto add = [&](const char* name, size_spacing spacing) -> pool_options& {
    all.push_back({name, {}});
    all.back().options.spacing = spacing;
    return all.back().options;
  };
  add("four_per_doubling", size_spacing::four_per_doubling);
  add("eight_per_doubling", size_spacing::eight_per_doubling);
  add("power_of_two", size_spacing::power_of_two);
  add("geometric 1.25", size_spacing::geometric);
  add("geometric 1.05", size_spacing::geometric).growth = 1.05;
  add("geometric 3.3", size_spacing::geometric).growth = 3.3;
  pool_options& list = add("exact", size_spacing::exact);
  list.sizes = odd_sizes.data();
  list.size_count = odd_sizes.size();
  pool_options& single = add("exact, one size", size_spacing::exact);
  single.sizes = one_size.data();
  single.size_count = one_size.size();
  add("exact, no sizes", size_spacing::exact);
  return all;
}

/// Each of the same with blocks placed in every way.
inline std::vector<named_options> every_spacing_and_placement() {
  std::vector<named_options> all;
  for (const named_options& each : every_spacing()) {
    for (const bool lines : {false, true}) {
      for (const bool pages : {false, true}) {
        all.push_back(each);
        all.back().options.cache_line_blocks = lines;
        all.back().options.page_local = pages;
        if (lines) all.back().name += ", cache lines";
        if (pages) all.back().name += ", pages";
      }
    }
  }
  return all;
}

struct held_block {
  void* p;
  std::size_t bytes;
  std::size_t alignment = alignof(std::max_align_t);
};

inline held_block take(std::pmr::memory_resource& memory, std::size_t bytes,
                       std::size_t alignment = alignof(std::max_align_t)) {
  return {memory.allocate(bytes, alignment), bytes, alignment};
}
inline void give(std::pmr::memory_resource& memory, const held_block& block) {
  memory.deallocate(block.p, block.bytes, block.alignment);
}

inline std::vector<held_block> take_many(std::pmr::memory_resource& memory, std::size_t count, std::size_t bytes,
                                         std::size_t alignment = alignof(std::max_align_t)) {
  std::vector<held_block> blocks;
  blocks.reserve(count);
  while (blocks.size() < count) blocks.push_back(take(memory, bytes, alignment));
  return blocks;
}
inline void give_all(std::pmr::memory_resource& memory, std::vector<held_block>& blocks) {
  for (const held_block& each : blocks) give(memory, each);
  blocks.clear();
}
inline void give_all_at_random(std::pmr::memory_resource& memory, std::vector<held_block>& blocks, unsigned seed = 1) {
  std::shuffle(blocks.begin(), blocks.end(), std::mt19937(seed));
  give_all(memory, blocks);
}

/// Blocks of many sizes and alignments.
inline std::vector<held_block> take_mixed(std::pmr::memory_resource& memory, std::size_t count,
                                          std::size_t largest = 2000, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::vector<held_block> blocks;
  while (blocks.size() < count) blocks.push_back(take(memory, random() % largest, std::size_t{1} << random() % 8));
  return blocks;
}

/// Whether two of the ranges [first, last] overlap.
inline bool overlap(std::vector<std::pair<std::uintptr_t, std::uintptr_t>> ranges) {
  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i].first <= ranges[i - 1].second) return true;
  return false;
}

inline std::uintptr_t number_of(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

}  // namespace allot::test
