#pragma once

#include <allot/trace/live_blocks.hpp>
#include <command/recording.hpp>
#include <cstdint>
#include <string_view>

namespace allot::tool {

/// A moment of a trace as people name it: "1234" is behind the event of that number, "50%" behind half of the events,
/// "1.5s" (or ms, us, ns) so long after the start, "peak" when most bytes live, "end" behind all.
struct moment {
  enum class by { order, part, time, peak, end };

  by what = by::end;
  std::uint64_t number = 0;  ///< of the event, or nanoseconds
  double part = 0;           ///< of all events, 0 to 1

  /// @throws std::invalid_argument
  static moment from(std::string_view text);
};

/// How far a trace goes.
struct trace_extent {
  std::uint64_t events = 0;
  std::uint64_t peak = 0;         ///< which of them makes most bytes live; 0: nothing ever lived
  std::uint64_t nanoseconds = 0;  ///< the latest time
};
trace_extent extent_of(recording& trace);

/// What lives at a moment.
struct heap_at {
  live_blocks live;
  std::uint64_t events = 0;  ///< up to then
  std::uint64_t order = 0;   ///< of the last of them
  std::uint64_t nanoseconds = 0;
};

/// Follows the trace from its start up to a moment.
void follow_to(moment when, recording& trace, const trace_extent& extent, heap_at& at, live_blocks::listener& hears);

}  // namespace allot::tool
