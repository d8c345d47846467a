#pragma once

#include <algorithm>
#include <allot/core/memory_tools.hpp>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <random>
#include <utility>
#include <vector>

// Blocks a test holds, and ways to fill a resource with them.

namespace allot::test {

/// Under a memory tool every call is annotated, and blocks lie apart: exact numbers are those of the plain program.
inline bool plain() { return !memory_tools::active(); }

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
