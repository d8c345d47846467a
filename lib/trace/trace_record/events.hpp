#pragma once

#include <allot/trace/trace_record.hpp>
#include <cstddef>
#include <cstdint>

#include "bytes.hpp"

/// Events of one thread as bytes: each as what is different from the one before, a few bytes on average.
namespace allot::trace_file {

/// No event takes less, and none more.
constexpr std::size_t least_of_an_event = 5;
constexpr std::size_t most_of_an_event = 2 + 9 * most_of_a_number;

/// What the next event is told as a difference to.
struct event_context {
  std::uint64_t order = 0;
  std::uint64_t nanoseconds = 0;
  std::uint64_t address = 0;
  std::uint64_t alignment = 0;
  std::uint32_t resource = 0;
  std::uint32_t tag = 0;
};

/// Returns the end of what was written.
unsigned char* put_event(unsigned char* at, event_context& before, const trace_record& event) noexcept;

/// False where there is no such event.
bool get_event(byte_source& from, event_context& before, trace_record& event) noexcept;

}  // namespace allot::trace_file
