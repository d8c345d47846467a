#include "bench/pool_shapes.hpp"

#include <cmath>
#include <ctime>
#include <utility>

namespace allot::bench {

subject::subject(std::string name, const candidate& of, std::size_t instances) : name_(std::move(name)), of_(of) {
  for (std::size_t i = 0; i < instances; ++i) instances_.push_back(of.make(std::pmr::new_delete_resource()));
}

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

std::size_t size_8_to_512(quick_random& random) { return 8 + random.below(505); }

std::size_t size_64_to_32k(quick_random& random) {
  constexpr double doublings = 9;  // 64 << 9 is 32 KiB
  const double part = static_cast<double>(random.below(1u << 20)) / (1u << 20);
  return static_cast<std::size_t>(64 * std::exp2(part * doublings));
}

}  // namespace allot::bench
