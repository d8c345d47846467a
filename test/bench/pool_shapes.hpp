#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <memory_resource>
#include <string>
#include <vector>

#include "bench/candidate.hpp"

namespace allot::bench {

/// A candidate at work: its instances, which live through all rounds of a shape.
class subject {
 public:
  /// @param instances  1, or one for each thread
  subject(std::string name, const candidate& of, std::size_t instances);

  const std::string& name() const { return name_; }
  const candidate& of() const { return of_; }

  /// Where thread number `thread` gets its memory.
  std::pmr::memory_resource& memory(std::size_t thread = 0) const { return *instances_[thread % instances_.size()]; }

 private:
  std::string name_;
  candidate of_;
  std::vector<std::unique_ptr<std::pmr::memory_resource>> instances_;
};

/// What one round gives, in the order of shape::measures.
using readings = std::vector<double>;
using round_function = std::function<readings(const subject&)>;

/// What one of ours is held to, in medians.
struct goal {
  std::string ours;
  std::string against;  ///< a candidate as the table names it, or one of those below; empty: at_most is a value itself
  double at_most;
  std::size_t measure = 0;

  static constexpr const char* best_peer = "best peer";
  static constexpr const char* best_malloc = "best malloc";  ///< of the peers that are heaps of the process
  static constexpr double not_above = 1.05;
};

/// A use of memory, the same for all candidates.
struct shape {
  enum class for_whom {
    one_thread,    ///< everyone
    many_threads,  ///< those who serve several threads
    own_blocks,    ///< the same, and an instance for each of two threads of those who serve one
    upstream_users
  };
  enum class starts { warm, cold };  ///< cold: each round is in a process of its own, on a fresh instance

  std::string name;
  std::string what;
  std::vector<std::string> measures;  ///< with their units; the first is the one that is compared
  for_whom whom;
  starts start;
  std::size_t rounds;
  std::function<round_function()> prepare;  ///< makes what the rounds share, off the clock
  std::vector<goal> goals;
};

/// @param shrink  divides how much each shape does, for a quick look
std::vector<shape> one_thread_shapes(std::size_t shrink);
std::vector<shape> aged_heap_shapes(std::size_t shrink);
std::vector<shape> memory_shapes(std::size_t shrink);
std::vector<shape> concurrent_shapes(std::size_t shrink);

/// A random number generator of a few instructions (Marsaglia, "Xorshift RNGs", 2003).
class quick_random {
 public:
  explicit quick_random(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  std::uint64_t operator()() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  /// From 0 to limit - 1, of a limit below 2^32.
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(((*this)() >> 32) * limit >> 32); }

 private:
  std::uint64_t state_;
};

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

std::size_t size_8_to_512(quick_random& random);

/// Each doubling is as likely as any other.
std::size_t size_64_to_32k(quick_random& random);

}  // namespace allot::bench
