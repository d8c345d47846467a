#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <string_view>

namespace allot {

/// What a program did wrong with memory.
enum class misuse_kind {
  double_free,
  foreign_pointer,      ///< a pointer this resource never handed out
  wrong_size,           ///< freed or expanded with another size than it was allocated with
  wrong_alignment,      ///< freed with an alignment the block was not allocated with, or cannot have
  invalid_alignment,    ///< an alignment of 0 or no power of two
  not_zero,             ///< memory promised to be zero is not
  released_twice,       ///< harmless, but seldom meant
  overrun,              ///< bytes behind a block were written
  underrun,             ///< bytes before a block were written
  stale_mark,           ///< going back to a mark the arena has been below since, or that is not its own
  invalid_position,     ///< a position an arena cannot go back to
  live_sub_arena,       ///< giving up memory of a sub-arena that still lives
  overlapping_memory,   ///< memory that another resource manages already
  outer_scope,          ///< allocating from a scope while one inside it lives
  stale_slice,          ///< using a slice whose memory its budget has taken back
  outlived_budget,      ///< a slice or sub-budget that still lives when its budget ends
  interior_pointer,     ///< a pointer into a live block instead of to its start
  write_after_free,     ///< bytes of a block were written after it was freed
  damaged_records,      ///< what a resource remembers of its blocks was written over
  used_after_fork,      ///< a child process uses a resource that its fork policy withholds from children
  used_by_two_threads,  ///< a resource for one thread, used by a second one at the same time
  past_block,           ///< a copy or fill that would leave the block it begins in
  leak,                 ///< blocks that were not freed by when they should have been
  wrong_thread,         ///< a resource that belongs to one thread, used by another
};

/// What is found wrong, with both sides of the mismatch. Texts live as long as the call.
struct misuse_report {
  misuse_kind kind{};              ///< what was found
  std::string_view resource = {};  ///< name or kind of the resource that noticed
  const void* address = nullptr;   ///< of the block or object misused; null where there is none
  std::size_t claimed = 0;         ///< what the caller says (bytes or alignment)
  std::size_t actual = 0;          ///< what is true, as far as it is known
  bool fatal = true;               ///< false: a note; the program is not stopped
  bool exact = true;               ///< false: `actual` is an upper bound
  std::string_view owner = {};     ///< name of the resource the memory belongs to, where that is another one
  std::string_view details = {};   ///< further lines, each ending in a line end: what was looked at, call stacks
};

/// Called for every misuse found. It may throw (tests do) or return, and then the call that was misused has no effect.
/// A handler that throws while a noexcept function runs (a destructor, release(), a try_ function) terminates the
/// program.
using misuse_handler = void (*)(const misuse_report&);

/// Installs `handler` for the whole process and returns the one before; null installs the default, which prints one
/// line, and the details where there are any, to standard error and aborts unless the report is a note. Thread-safe.
ALLOT_EXPORT misuse_handler set_misuse_handler(misuse_handler handler) noexcept;

/// Installs `handler` if `expected` is in force, in one step, and returns what was in force. Thread-safe.
ALLOT_EXPORT misuse_handler replace_misuse_handler(misuse_handler expected, misuse_handler handler) noexcept;

/// Hands a report to the handler in force.
ALLOT_EXPORT void report_misuse(const misuse_report& report);

/// The one line the default handler prints, without a line end. Written to `buffer`; returns its length. Cut off when
/// too long.
ALLOT_EXPORT std::size_t format_misuse(const misuse_report& report, char* buffer, std::size_t size) noexcept;

/// Whether resources check for misuse when their options do not say. Process-wide, off at start. Thread-safe.
ALLOT_EXPORT bool checked_by_default() noexcept;
/// @copydoc checked_by_default
ALLOT_EXPORT void set_checked_by_default(bool checked) noexcept;

/// Where the default handler writes; defined by the os room, safe in a signal handler.
ALLOT_EXPORT void write_diagnostic(std::string_view line) noexcept;

}  // namespace allot
