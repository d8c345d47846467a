#pragma once

#include <command/moment.hpp>
#include <command/recording.hpp>
#include <iosfwd>

// Each writes a trace, from its start, for other programs to read. What it keeps meanwhile is the live blocks and what
// the trace has names for.

namespace allot::tool {

/// A line an event, as RFC 4180 says, under a line of names.
void export_csv(std::ostream& out, recording& trace);

/// The JSON of chrome://tracing and Perfetto: counters of live bytes for each resource and each thread, and an event
/// for each request that was refused. Viewers do not open files of any size: of long traces each counter has, for each
/// of some ten thousand stretches of time, the most and the last of it.
void export_chrome(std::ostream& out, recording& trace);

/// The text that gperftools write and all versions of pprof read: for each call stack what is in use at the moment,
/// and what it allocated up to then.
void export_pprof(std::ostream& out, recording& trace, moment when);

/// What heaptrack_print and heaptrack_gui read, once the recorded addresses are interpreted.
void export_heaptrack(std::ostream& out, recording& trace);

}  // namespace allot::tool
