#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/event_sink.hpp>
#include <cstddef>
#include <iosfwd>
#include <string_view>

namespace allot {

/// How much is logged; each level includes the ones before it.
enum class log_level {
  off,
  errors,  ///< refused requests and misuse
  growth,  ///< memory got and given back: grow, release, trim, clear
  marks,   ///< where arenas remember positions and go back: mark, rewind
  all,     ///< every push, pop, allocate, deallocate and expand
};

/// The name of a level, such as "growth".
ALLOT_EXPORT std::string_view name_of(log_level level) noexcept;

/// Readable lines of what happens at resources, switched on and off by name while the program runs:
///
///     14:03:07.120934 thread 1 frame push 0x7f21c8e00010 24 bytes aligned to 16, position 40
///
/// Logged are arenas of every kind, tracing_resource, the growth of pools, heaps and reservations, and every misuse.
/// Names are those given at construction, or kinds ("chained_arena") where none was.
///
/// The environment switches it on without a change to the program. ALLOT_LOG holds entries NAME=LEVEL with commas
/// between, as in "frame*=growth,pool=all"; without a level all is meant. ALLOT_LOG_FILE is a file lines are added to.
/// Both are read once, when the first resource looks. What cannot be read is told in a line on standard error each and
/// left out.
///
/// A line that cannot be written is lost, and counted; nothing else changes for the program. Thread-safe: a line is
/// written whole. A child of fork() goes on logging as its parent did, to the same place. Not for signal handlers.
namespace event_log {

/// The most patterns there can be, and the longest one in bytes.
inline constexpr std::size_t most_patterns = 64;
/// @copydoc most_patterns
inline constexpr std::size_t longest_pattern = 63;

/// Logs resources whose name matches `pattern`, in which * stands for any text, at `level` from now on: those that live
/// (an arena with its next call, see arena::look_for_sinks()) and those to come. Of several patterns that match, the
/// one named last counts.
/// @return false, and nothing changed, for an empty or too long pattern, or when there is no room for more
ALLOT_EXPORT bool enable(std::string_view pattern, log_level level = log_level::all) noexcept;

/// Logs resources whose name matches `pattern` no longer; "*" forgets all patterns.
ALLOT_EXPORT bool disable(std::string_view pattern) noexcept;

/// The level at which a resource of that name is logged.
ALLOT_EXPORT log_level level_of(std::string_view name) noexcept;

/// Where lines go from now on; standard error at the start. A stream or sink must outlive its use: when these return,
/// nobody uses the one before any more. Streams and sinks are called by one thread at a time and must not use a
/// resource that is logged; what they throw is caught.
ALLOT_EXPORT void write_to(std::ostream& out) noexcept;
ALLOT_EXPORT void write_to(event_sink& sink) noexcept;           ///< the events themselves; a misuse is none
ALLOT_EXPORT void write_to_descriptor(int descriptor) noexcept;  ///< which stays open as long as it is used
/// Adds to a file, which stays open.
/// @return false, and nothing changed, when it cannot be opened
ALLOT_EXPORT bool write_to_file(const char* path) noexcept;
ALLOT_EXPORT void write_to_standard_error() noexcept;  ///< as at the start

/// Lines that could not be written, since the start.
ALLOT_EXPORT std::size_t lost() noexcept;

}  // namespace event_log
}  // namespace allot
