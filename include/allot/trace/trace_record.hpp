#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/memory_event.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace allot {

/// One event of a trace. Numbers have the same width wherever the trace was recorded.
struct trace_record {
  memory_event_kind kind{};       ///< what happened
  std::uint64_t order = 0;        ///< events of all threads are numbered from 1 on, in the order in which they happened
  std::uint64_t nanoseconds = 0;  ///< since the trace was begun
  std::uint32_t thread = 0;       ///< threads are numbered from 1 on, in the order of their first events
  std::uint32_t resource = 0;     ///< number of a name; 0: none was given
  std::uint32_t tag = 0;          ///< number of a tag; 0: none
  std::uint32_t stack = 0;        ///< number of a call stack; 0: not recorded
  std::uint64_t address = 0;      ///< of the block, or as memory_event::address
  std::uint64_t bytes = 0;        ///< as memory_event::bytes
  std::uint64_t alignment = 0;    ///< 0, or a power of two
  std::uint64_t new_bytes = 0;    ///< of expand, after
  std::uint64_t position = 0;     ///< of push, pop, mark, rewind and clear: that of the arena, afterwards
};

/// What the numbers in records stand for.
enum class trace_name { resource, tag, stack };

/// A trace that cannot be read or written. offset() is the byte of the file at which that was found.
class ALLOT_EXPORT trace_error : public std::runtime_error {
 public:
  /// what() has all three.
  trace_error(const std::string& file, std::uint64_t offset, const std::string& problem);
  /// Does not throw.
  trace_error(const trace_error&) = default;
  trace_error& operator=(const trace_error&) = default;
  ~trace_error() override;

  std::uint64_t offset() const noexcept { return offset_; }  ///< in bytes from the start of the file

 private:
  std::uint64_t offset_;
};

}  // namespace allot
