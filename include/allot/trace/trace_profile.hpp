#pragma once

#include <allot/core/compiler.hpp>
#include <allot/trace/replay_program.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace allot {

/// What a program's use of memory is like: the facts by which one would choose a strategy.
struct trace_profile {
  /// A size of blocks, and how many were of it.
  struct size {
    std::uint64_t bytes = 0;   ///< the size
    std::uint64_t blocks = 0;  ///< that were asked for with it
  };

  std::uint64_t blocks = 0;            ///< that were handed out
  std::uint64_t bytes = 0;             ///< of all blocks together; 2^64 - 1 for more
  std::size_t peak_live = 0;           ///< bytes
  std::uint64_t sizes = 0;             ///< how many different ones
  std::array<size, 4> commonest{};     ///< the most blocks first; 0 blocks where there are fewer
  std::uint64_t largest = 0;           ///< bytes
  std::uint64_t aligned = 0;           ///< blocks with a larger alignment than std::max_align_t has
  std::uint64_t freed = 0;             ///< one by one
  std::uint64_t freed_newest = 0;      ///< of those, when they were the newest block of their resource
  std::uint64_t freed_oldest = 0;      ///< of those, when they were the oldest block of their resource
  std::uint64_t released = 0;          ///< blocks that went with their resource's release(), or at the end
  std::uint64_t resized = 0;           ///< times a block was resized in place
  std::uint64_t freed_by_another = 0;  ///< blocks freed by another thread than the one that allocated them
  std::uint32_t threads = 0;           ///< with events
};

/// Goes through all operations once.
ALLOT_EXPORT trace_profile profile_of(const replay_program& program);

/// Sentences for people, the most telling first: "99 % of the blocks have one of 3 sizes: 24, 48 and 64 bytes", "98 %
/// of the frees are of the newest block".
ALLOT_EXPORT std::vector<std::string> traits_of(const trace_profile& profile);

}  // namespace allot
