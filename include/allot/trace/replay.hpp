#pragma once

#include <allot/core/compiler.hpp>
#include <allot/trace/replay_program.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>

namespace allot {

/// Memory to replay on: what stands for each resource that the trace names.
struct replay_candidate {
  std::string name;  ///< what results and charts call it
  /// Called once for each resource of the trace, before the clock runs. All are destroyed at the end of the replay.
  std::function<std::shared_ptr<std::pmr::memory_resource>(std::string_view resource)> make;
};

/// How a trace is replayed.
struct replay_options {
  /// In which order the events of several threads come.
  enum class order {
    of_blocks,  ///< threads run freely, but no block is used before the thread that allocates it has done so
    recorded,   ///< every event waits for the one before it, whatever its thread: as recorded, and slower
  };

  bool threads = true;              ///< as many as the trace has; otherwise all events by one, in the recorded order
  std::uint32_t most_threads = 64;  ///< of more, several share one of the replay's; at least 1
  /// Bytes that the candidate's memory may take. Blocks with which more would live are left out, of all candidates
  /// alike; one that is seen to take more gets nothing any more: the rest is refused. 0: memory_for_replays()
  std::size_t most_memory = 0;
  order keep = order::of_blocks;  ///< what threads wait for
  /// What is done with a block's bytes. A program that never touched its memory would make lazy resources look good.
  enum class content {
    untouched,
    touched,  ///< a byte of each 64 is written when a block is handed out
    checked,  ///< all are written, and looked at before the block is freed
  };
  content blocks = content::touched;  ///< done with every block
  std::size_t sample_every = 1024;  ///< events between looks at usage(), of one thread, with the clock standing still;
                                    ///< several are looked at every millisecond
  bool latencies = false;           ///< each call is timed alone; `seconds` then has the looks at the clock in it
};

/// How long single calls took, in nanoseconds: blocks handed out and blocks freed one by one, and releases. What a look
/// at the clock takes by itself is subtracted from each. The percentiles are exact to one part in 64.
struct replay_latency {
  std::uint64_t calls = 0;  ///< that were timed; 0: none were
  double median = 0;        ///< in nanoseconds, as are those below
  double p99 = 0;           ///< 99 % took at most that
  double p999 = 0;          ///< 99.9 %
  double most = 0;          ///< the longest; what else the machine does is in it
  double clock = 0;         ///< what was subtracted: the median of looks at the clock with nothing between
};

/// What it took.
struct replay_result {
  double seconds = 0;              ///< of the events alone
  std::uint64_t operations = 0;    ///< events replayed
  std::uint64_t refused = 0;       ///< requests that the candidate refused; what is done with these blocks is left out
  std::uint64_t left_out = 0;      ///< blocks for which there is not the memory, whatever the candidate
  std::uint64_t damaged = 0;       ///< blocks whose bytes were not what was written; with content::checked only
  std::size_t peak_live = 0;       ///< bytes as asked for, the most at a time
  std::size_t peak_committed = 0;  ///< by usage(), at the samples; 0 where the candidate is none of ours
  std::size_t average_committed = 0;  ///< of the same samples
  double fragmentation = 0;       ///< of each sample the share of the committed memory that holds no live byte, and of
                                  ///< these the average: 0 to 1. 0 where the candidate is none of ours
  std::size_t pages_at_peak = 0;  ///< bytes of the pages that hold live blocks when most bytes are live; of one thread
  double neighbours = 0;  ///< share of the blocks that begin within a page's length of the block before: 0 to 1. That
                          ///< is the one that the same thread was handed before it
  std::uint64_t page_faults = 0;     ///< of the process meanwhile, where the system counts them
  std::size_t peak_resident = 0;     ///< growth of the process's resident memory at some samples; 0 where not told
  std::size_t average_resident = 0;  ///< of the same samples
  replay_latency latency;            ///< where that was asked for

  /// Share of the committed memory that holds no live byte when each is at its peak: 0 to 1. What a program must have
  /// beyond its data, where fragmentation is how much of what it has lies idle in the course of time.
  double waste() const noexcept {
    return peak_committed > peak_live ? 1 - static_cast<double>(peak_live) / static_cast<double>(peak_committed) : 0;
  }

  /// How far live bytes are spread: bytes of pages for each of them, 1 at best; 0 where that is not known.
  double spread() const noexcept {
    return peak_live != 0 ? static_cast<double>(pages_at_peak) / static_cast<double>(peak_live) : 0;
  }
};

/// Does to the candidate what the trace says the program did to its memory.
/// Where threads of the trace share a resource, what the candidate makes for it must be thread-safe, usage() included.
/// A program that releases such a resource is replayed in the recorded order.
/// @throws std::invalid_argument for no threads; what make() throws, and what its resources throw that is no
/// std::bad_alloc; std::invalid_argument when it makes
///         none; std::system_error when a thread cannot be started
ALLOT_EXPORT replay_result replay(const replay_program& program, const replay_candidate& candidate,
                                  const replay_options& options = {});

}  // namespace allot
