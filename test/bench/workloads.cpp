#include "bench/workloads.hpp"

#include <ctime>

namespace allot::bench {

double cpu_stopwatch::now() {
  std::timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

replacements::replacements(std::size_t live, std::size_t steps, size_source sizes, std::uint64_t seed) {
  quick_random random(seed);
  for (std::size_t i = 0; i < live; ++i)
    first_.push_back({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(sizes(random))});
  for (std::size_t i = 0; i < steps; ++i)
    steps_.push_back({static_cast<std::uint32_t>(random.below(live)), static_cast<std::uint32_t>(sizes(random))});
}

std::vector<held_block> replacements::fill(std::pmr::memory_resource& memory) const {
  std::vector<held_block> blocks;
  blocks.reserve(first_.size());
  for (const step& s : first_) blocks.push_back(held_block::of(memory, s.bytes));
  return blocks;
}

void replacements::replace(std::pmr::memory_resource& memory, std::vector<held_block>& blocks) const {
  for (const step& s : steps_) {
    held_block& block = blocks[s.slot];
    block.give_back(memory);
    block = held_block::of(memory, s.bytes);
  }
}

void replacements::give_back(std::pmr::memory_resource& memory, const std::vector<held_block>& blocks) {
  for (const held_block& block : blocks) block.give_back(memory);
}

void allocate_pairs(std::pmr::memory_resource& memory, std::size_t count) {
  constexpr std::size_t bytes = 32;
  for (std::size_t i = 0; i < count; ++i) {
    void* const p = memory.allocate(bytes, alignof(std::size_t));
    ALLOT_ASSUME_READ(p);
    memory.deallocate(p, bytes, alignof(std::size_t));
  }
}

}  // namespace allot::bench
