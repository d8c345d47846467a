#pragma once

#include <array>
#include <cstddef>
#include <ctime>
#include <memory_resource>

namespace allot::bench {

/// Nanoseconds of the processor's time, so that other programs count less, of each of so many turns.
template <class Turn>
double nanoseconds_a_turn(std::size_t turns, Turn turn) {
  const std::clock_t start = std::clock();
  for (std::size_t i = 0; i < turns; ++i) turn(i);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  return seconds * 1e9 / static_cast<double>(turns);
}

inline constexpr std::size_t pair_live = 64;  // blocks

/// Of a pair of calls: one block of a few goes and one comes, as in a program; nothing about the resource is known to
/// the compiler.
inline double nanoseconds_of_a_pair(std::pmr::memory_resource* memory, std::size_t pairs) {
  std::array<void*, pair_live> blocks{};
  for (void*& p : blocks) p = memory->allocate(64);
  const double time = nanoseconds_a_turn(pairs, [&](std::size_t i) {
    void*& p = blocks[i % pair_live];
    memory->deallocate(p, 64);
    p = memory->allocate(64);
  });
  for (void* const p : blocks) memory->deallocate(p, 64);
  return time;
}

}  // namespace allot::bench
