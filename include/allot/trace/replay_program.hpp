#pragma once

#include <allot/core/compiler.hpp>
#include <allot/trace/trace_reader.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace allot {

/// Half of the memory that this process may still have, in bytes: what a replay takes at most, and what is
/// read to replay it.
ALLOT_EXPORT std::size_t memory_for_replays() noexcept;

/// A trace made ready to be replayed again and again: addresses became numbers of blocks, so that a replay spends its
/// time on memory and not on finding out which block is meant.
///
/// Takes 40 bytes for each event. A plain value; many replays may use one at the same time.
class ALLOT_EXPORT replay_program {
 public:
  /// What an event does.
  enum class action : std::uint8_t { allocate, deallocate, expand, release, trim };

  /// One event of the trace, made ready.
  struct operation {
    action what;                  ///< is done
    std::uint8_t alignment_log2;  ///< of an allocation: its alignment is 2 to that power
    std::uint16_t resource;       ///< in resources()
    std::uint32_t thread;         ///< from 0 on
    std::uint32_t block;          ///< from 0 on; of release and trim 0
    std::uint32_t step;           ///< how many operations on the block come before it
    std::uint64_t bytes;      ///< of the block; of expand, before; of release, how many frees of its blocks follow it
    std::uint64_t new_bytes;  ///< of expand, after
  };

  /// Reads the trace from its start.
  /// @param most_memory  bytes that this takes at most while it reads; 0: memory_for_replays()
  /// @throws trace_error, std::bad_alloc; std::length_error for more than 65535 resources or 2^32 - 1 blocks, and for
  ///         more events than fit into most_memory
  explicit replay_program(trace_reader& trace, std::size_t most_memory = 0);

  const std::vector<operation>& operations() const noexcept { return operations_; }  ///< in the recorded order
  const std::vector<std::string>& resources() const noexcept { return resources_; }  ///< names, by their numbers
  std::uint32_t threads() const noexcept { return threads_; }                        ///< how many took part
  std::uint32_t blocks() const noexcept { return blocks_; }                          ///< how many were handed out

  std::size_t peak_live() const noexcept { return peak_live_; }  ///< bytes, the most at a time
  std::size_t peak_at() const noexcept { return peak_at_; }      ///< the operation that makes it
  std::uint64_t refused() const noexcept { return refused_; }    ///< requests that the program was refused
  /// Events that make no sense without others, which were lost or came before the recording: frees of blocks that are
  /// not known, and blocks that were handed out again without a free, which is then put in. Also what no program can
  /// have done: blocks with which more bytes would live than there are addresses; they are left out.
  std::uint64_t mended() const noexcept { return mended_; }
  /// Live at the end; they are freed there, and the clock stands still.
  const std::vector<operation>& frees_at_end() const noexcept { return frees_at_end_; }

 private:
  class compiler;

  std::vector<operation> operations_;
  std::vector<operation> frees_at_end_;
  std::vector<std::string> resources_;
  std::uint32_t threads_ = 0;
  std::uint32_t blocks_ = 0;
  std::size_t peak_live_ = 0;
  std::size_t peak_at_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t mended_ = 0;
};

}  // namespace allot
