#pragma once

#include <allot/core/compiler.hpp>
#include <allot/os/virtual_memory.hpp>
#include <string_view>

namespace allot::os {

/// The number of an open file, as the system knows it.
struct descriptor {
  int number = -1;                                                 ///< negative: none was opened
  status outcome = {};                                             ///< why not
  explicit operator bool() const noexcept { return number >= 0; }  ///< whether one was opened
};

/// Its number, wherever it leads.
inline constexpr int standard_error = 2;

/// Opens a file to add to its end, and makes it where there is none. It stays open for the life of the process, and is
/// not handed on to programs the process starts. A FIFO that nobody reads is refused, not waited for. noexcept and
/// thread-safe.
[[nodiscard]] ALLOT_EXPORT descriptor open_to_append(const char* path) noexcept;

/// Writes all of a text: in one call of the system, unless that takes only a part of it. False when it takes no more,
/// as a pipe nobody reads: that raises no signal. errno stays as it was. noexcept and thread-safe.
[[nodiscard]] ALLOT_EXPORT bool write_text(int descriptor, std::string_view text) noexcept;

}  // namespace allot::os
