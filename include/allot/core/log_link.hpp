#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/event_sink.hpp>
#include <allot/core/misuse.hpp>
#include <atomic>
#include <string_view>

namespace allot {

/// How resources reach the process's event log, which stands in a room above theirs (inspect) and defines the functions
/// here. Thread-safe.
namespace log_link {

/// Another number whenever something else is to be logged than before. 0 before any of these functions was called.
extern ALLOT_EXPORT std::atomic<unsigned> version;

/// Whether anything is logged at all.
ALLOT_EXPORT bool active() noexcept;

/// Takes the events of a resource of that name; null when the log wants none. Lives as long as the process.
ALLOT_EXPORT event_sink* sink_for(std::string_view name) noexcept;

/// Tells the log, if it wants that, of an event at the resource of the name in it. For what happens seldom: looks the
/// name up every time.
ALLOT_EXPORT void tell(const memory_event& event) noexcept;

/// Tells the log, if it wants that, of a misuse.
ALLOT_EXPORT void tell(const misuse_report& report) noexcept;

}  // namespace log_link
}  // namespace allot
