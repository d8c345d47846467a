#pragma once

#include <allot/core/compiler.hpp>
#include <allot/trace/trace_record.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace allot {

/// How a trace_writer keeps up with the program.
struct trace_writer_options {
  /// What becomes of events while as much as may wait to be written does.
  enum class when_behind {
    wait,  ///< the thread waits with its event
    drop,  ///< events are lost, and counted in the trace
  };

  when_behind behind = when_behind::wait;           ///< what happens then
  std::size_t block_bytes = std::size_t{64} << 10;  ///< of a thread's events that are written together; 1 KiB to 8 MiB
  std::size_t blocks_waiting = 16;                  ///< most blocks that wait to be written; 1 to 65536
  int compression = 1;                              ///< level of zstd, 1 to 19; 0: none
  /// After this time what threads have recorded is written though blocks are not full, so that a program that ends
  /// without warning loses no more than that.
  std::chrono::milliseconds flush_every{500};  ///< a day at most
  std::string_view program = {};               ///< what was recorded, for readers
  void (*writer_begins)() = nullptr;           ///< called first on the thread that writes
};

/// What a trace_writer has done so far.
struct trace_totals {
  std::uint64_t events = 0;   ///< recorded
  std::uint64_t dropped = 0;  ///< lost, because the file could not be written as fast, or at all
  std::uint64_t bytes = 0;    ///< of the file so far
};

/// Writes a trace file: what a program asked of its memory, to be replayed and looked at later.
///
/// Each thread fills a block of its own; a thread of the writer's compresses full blocks and writes them, one write
/// each, so that the file is whole up to the last one whatever becomes of the program. docs/trace_format.md has the
/// format.
///
/// Memory is bounded by (blocks_waiting + threads with events) blocks, and what names and call stacks take.
///
/// write(), define() and flush() are thread-safe. When the file can no longer be written, events are dropped and
/// close() says why. In the child of a fork() the writer records nothing, and the parent's goes on.
class ALLOT_EXPORT trace_writer {
 public:
  /// Replaces the file where there is one.
  /// @throws trace_error when it cannot be made; std::invalid_argument for options out of range
  explicit trace_writer(const std::string& file, const trace_writer_options& options = {});
  /// As close(), but errors are not told.
  ~trace_writer();
  trace_writer(const trace_writer&) = delete;
  trace_writer& operator=(const trace_writer&) = delete;

  /// The number of a name: the same for the same text. At most 64 KiB of the text count.
  std::uint32_t define(trace_name what, std::string_view text);

  /// Records an event of the calling thread; order, time and thread are put in here. Allocates nothing but the blocks.
  void write(const trace_record& event) noexcept;

  /// Returns when what was recorded before is in the file.
  /// @throws trace_error when it could not be written
  void flush();

  /// Writes all, and that the trace is complete. Later events are dropped; twice is harmless.
  /// @throws trace_error when something could not be written
  void close();

  trace_totals totals() const noexcept;  ///< at this moment

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace allot
