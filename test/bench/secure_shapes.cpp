// What safety costs: time of small, mixed and large blocks, and the memory and map entries of many small ones.

#include <malloc.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "bench/shapes.hpp"
#include "bench/workloads.hpp"
#include "support/access.hpp"

namespace allot::bench {
namespace {

using std::pmr::memory_resource;

constexpr std::size_t alignment = 8;
constexpr std::size_t live_blocks = 4096;

struct sized_block {
  unsigned char* at = nullptr;
  std::size_t bytes = 0;
};

/// A block of which the first byte is written.
sized_block new_block(memory_resource& memory, std::size_t bytes) {
  auto* const p = static_cast<unsigned char*>(memory.allocate(bytes, alignment));
  *p = 1;
  ALLOT_ASSUME_READ(p);
  return {p, bytes};
}

double pair_time(memory_resource& memory, std::size_t bytes, std::size_t count) {
  cpu_stopwatch watch;
  for (std::size_t i = 0; i < count; ++i) memory.deallocate(new_block(memory, bytes).at, bytes, alignment);
  watch.pause();
  return watch.nanoseconds() / static_cast<double>(count);
}

shape pairs(std::string name, std::string what, std::size_t bytes, std::size_t count, std::vector<goal> goals) {
  return one_thread_shape(
      std::move(name), std::move(what), "ns a pair",
      [=] { return [=](memory_resource& memory) { return pair_time(memory, bytes, count); }; }, std::move(goals));
}

/// Which of the live blocks goes, and how large the one is that comes in its place.
using replacement = std::pair<std::uint32_t, std::uint32_t>;

double churn_time(memory_resource& memory, const std::vector<replacement>& plan) {
  std::vector<sized_block> blocks;
  for (std::size_t i = 0; i < live_blocks; ++i) blocks.push_back(new_block(memory, plan[i].second));
  cpu_stopwatch watch;
  for (const auto& [slot, bytes] : plan) {
    memory.deallocate(blocks[slot].at, blocks[slot].bytes, alignment);
    blocks[slot] = new_block(memory, bytes);
  }
  watch.pause();
  for (const sized_block& block : blocks) memory.deallocate(block.at, block.bytes, alignment);
  return watch.nanoseconds() / static_cast<double>(plan.size());
}

shape churn(std::string name, std::string what, std::size_t largest, std::size_t steps, std::vector<goal> goals) {
  const auto prepare = [=] {
    quick_random random(1);
    std::vector<replacement> plan(std::max(steps, live_blocks));
    for (auto& [slot, bytes] : plan) {
      slot = static_cast<std::uint32_t>(random.below(live_blocks));
      bytes = static_cast<std::uint32_t>(uniform(random, 1, largest));
    }
    return [plan](memory_resource& memory) { return churn_time(memory, plan); };
  };
  return one_thread_shape(std::move(name), std::move(what), "ns a replacement", prepare, std::move(goals));
}

/// What a process has more of when so many bytes of small blocks are alive, all written.
readings memory_taken(const subject& s, std::size_t live_bytes) {
  constexpr std::size_t largest = 256;
  quick_random random(1);
  std::vector<sized_block> blocks;
  for (std::size_t bytes = 0; bytes < live_bytes; bytes += blocks.back().bytes)
    blocks.push_back({nullptr, uniform(random, 1, largest)});

  ::malloc_trim(0);
  const std::size_t resident = test::resident();
  const std::size_t maps = test::map_count();
  const auto memory = s.of().make(std::pmr::new_delete_resource());
  for (sized_block& block : blocks) {
    block.at = static_cast<unsigned char*>(memory->allocate(block.bytes, alignment));
    std::memset(block.at, 1, block.bytes);
  }
  const auto grown = static_cast<double>(test::resident() - resident);
  const auto more_maps = static_cast<double>(test::map_count()) - static_cast<double>(maps);
  for (const sized_block& block : blocks) memory->deallocate(block.at, block.bytes, alignment);
  return {grown / static_cast<double>(live_bytes), more_maps};
}

}  // namespace

std::vector<shape> secure_shapes(std::size_t shrink) {
  constexpr const char* glibc = "glibc malloc";
  constexpr const char* scudo = "Scudo";
  constexpr std::size_t map_entries = 1;  // the place of its measure
  const std::size_t live_bytes = (std::size_t{25} << 20) / shrink;
  return {
      pairs("secure_pair", "allocate 64 B, write a byte, deallocate", 64, 100'000 / shrink,
            {{"checked", glibc, 2.0},
             {"hardened", glibc, 4.0},
             {"hardened", scudo, 1.0},
             {"paranoid", glibc, 10},
             {"hardened synchronized", glibc, 0},
             {scudo, glibc, 0}}),
      churn("secure_churn_256", "random sizes of 1 to 256 B, 4096 live, one after the other replaced", 256,
            100'000 / shrink,
            {{"checked", glibc, 0}, {"hardened", glibc, 0}, {"paranoid", glibc, 0}, {scudo, glibc, 0}}),
      churn("secure_churn_1k", "random sizes of 1 B to 1 KiB, 4096 live, one after the other replaced", 1024,
            100'000 / shrink,
            {{"checked", glibc, 1.3},
             {"hardened", glibc, 2.6},
             {"hardened", scudo, 1.0},
             {"paranoid", glibc, 6.5},
             {"hardened synchronized", glibc, 0},
             {scudo, glibc, 0}}),
      pairs("secure_large_pair", "allocate 256 KiB, write a byte, deallocate", std::size_t{256} << 10, 2'000 / shrink,
            {{"hardened", "", 4000}}),
      {"secure_memory",
       "25 MiB of blocks of 1 to 256 B alive, all written",
       {"resident / live", "map entries"},
       shape::for_whom::one_thread,
       shape::starts::cold,
       3,
       [=]() -> round_function { return [=](const subject& s) { return memory_taken(s, live_bytes); }; },
       {{"checked", "", 1.35},
        {"hardened", "", 1.35},
        {"checked", "", 100, map_entries},
        {"hardened", "", 100, map_entries},
        {"paranoid", "", 100, map_entries}}},
  };
}

}  // namespace allot::bench
