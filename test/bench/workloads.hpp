#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "bench/random_sizes.hpp"

namespace allot::bench {

/// CPU time of the calling thread, from the start but for pauses.
class cpu_stopwatch {
 public:
  cpu_stopwatch() { resume(); }
  void resume() { started_ = now(); }
  void pause() { elapsed_ += now() - started_; }

  /// When paused.
  double nanoseconds() const { return elapsed_; }

 private:
  static double now();
  double started_ = 0;
  double elapsed_ = 0;
};

/// One block as its user knows it.
struct held_block {
  void* at = nullptr;
  std::size_t bytes = 0;

  /// A new block, written to.
  static held_block of(std::pmr::memory_resource& memory, std::size_t bytes) {
    void* const p = memory.allocate(bytes, alignof(std::size_t));
    *static_cast<std::size_t*>(p) = bytes;
    return {p, bytes};
  }
  void give_back(std::pmr::memory_resource& memory) const { memory.deallocate(at, bytes, alignof(std::size_t)); }
};

/// Blocks of random sizes, one after the other replaced by a new one of another size.
class replacements {
 public:
  using size_source = std::size_t (*)(quick_random&);

  /// @param live   how many blocks there are
  /// @param steps  how many are replaced
  replacements(std::size_t live, std::size_t steps, size_source sizes, std::uint64_t seed);

  std::size_t steps() const { return steps_.size(); }
  std::vector<held_block> fill(std::pmr::memory_resource& memory) const;
  void replace(std::pmr::memory_resource& memory, std::vector<held_block>& blocks) const;
  static void give_back(std::pmr::memory_resource& memory, const std::vector<held_block>& blocks);

 private:
  struct step {
    std::uint32_t slot;
    std::uint32_t bytes;
  };
  std::vector<step> first_;
  std::vector<step> steps_;
};

/// Allocates and at once deallocates 32 bytes, so many times.
void allocate_pairs(std::pmr::memory_resource& memory, std::size_t count);

}  // namespace allot::bench
