#pragma once

#include <allot/core/compiler.hpp>
#include <allot/trace/trace_record.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace allot {

/// A part of a trace that could not be read, and was left out.
struct trace_damage {
  std::uint64_t offset = 0;  ///< in the file, in bytes
  std::uint64_t bytes = 0;   ///< up to what could be read again
  std::string problem;       ///< what was found there, without file and place
};

/// What a trace says of itself.
struct trace_summary {
  std::string program;        ///< its name, as the recorder had it
  std::uint64_t events = 0;   ///< that are there
  std::uint64_t dropped = 0;  ///< while recording, because the file could not be written as fast
  std::uint64_t started = 0;  ///< nanoseconds since 1970 in UTC
  unsigned address_bits = 0;  ///< of the program recorded
  bool complete = false;      ///< false: the program ended before the trace was closed
};

/// Reads a trace file, in the order in which things happened in all threads.
///
/// Blocks are read as they are needed, one for each thread at a time, so memory does not grow with the file. What is
/// damaged is left out and listed in damage(): the rest is read.
///
/// Not thread-safe.
class ALLOT_EXPORT trace_reader {
 public:
  /// Looks through the file once.
  /// @throws trace_error when it cannot be opened, is empty, no trace, or of a version to come
  explicit trace_reader(const std::string& file);
  ~trace_reader();
  /// The other can only be assigned to or destroyed then.
  trace_reader(trace_reader&&) noexcept;
  trace_reader& operator=(trace_reader&&) noexcept;

  const trace_summary& summary() const noexcept;  ///< `dropped` may rise while an incomplete trace is read

  /// Damaged parts met so far: those of the frame of the file from the start, those inside of blocks as they are read.
  const std::vector<trace_damage>& damage() const noexcept;

  /// The text of a number in a record; empty where it is not known. Valid as long as the reader.
  std::string_view name(trace_name what, std::uint32_t number) const noexcept;
  /// The highest number there is.
  std::uint32_t names(trace_name what) const noexcept;

  /// The next event; false at the end.
  /// @throws trace_error when the file cannot be read any more
  bool next(trace_record& event);

  /// Goes back to the first event.
  void rewind();

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace allot
