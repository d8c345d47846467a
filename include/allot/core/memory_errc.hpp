#pragma once

#include <allot/core/compiler.hpp>
#include <string_view>
#include <system_error>

namespace allot {

/// Everything that can go wrong with memory here. Values are stable: they may be logged and compared across versions.
enum class memory_errc : int {
  success = 0,
  out_of_memory = 1,             ///< the system or the upstream has no more
  invalid_size = 2,              ///< a size the call cannot work with, such as resizing to 0
  size_overflow = 3,             ///< the size, rounded and with overhead, does not fit the address space
  invalid_address = 4,           ///< an address that is unaligned, null or outside what a program may use
  address_in_use = 5,            ///< something else is mapped where a fixed address was asked for
  invalid_alignment = 6,         ///< an alignment that is 0 or no power of two, or more than can be met
  permission_denied = 7,         ///< the system does not let this process do that
  protection_failed = 8,         ///< changing the access to pages failed
  null_pointer = 9,              ///< a null pointer where memory was expected
  invalid_block = 10,            ///< a block that is not from here, or was freed already
  page_size_unknown = 11,        ///< the system does not tell its page size
  platform_error = 12,           ///< any other error of the operating system; see the raw code
  limit_reached = 13,            ///< a limit set by the program (capacity, budget, total) is reached
  map_limit = 14,                ///< the process has as many mappings as the system allows
  large_pages_unavailable = 15,  ///< explicit large pages were asked for and there are none
  not_supported = 16,            ///< this system or resource cannot do that
  lock_limit = 17,               ///< the process may keep no more memory out of swap space
};

/// The category of memory_errc: one-line messages, and std::errc equivalents where there is one.
ALLOT_EXPORT const std::error_category& memory_category() noexcept;

/// Found by std::error_code itself.
inline std::error_code make_error_code(memory_errc error) noexcept {
  return {static_cast<int>(error), memory_category()};
}

/// One line saying what happened. Static storage; values that are no memory_errc get a text of their own.
ALLOT_EXPORT std::string_view message(memory_errc error) noexcept;

/// A few sentences: possible causes and what to try. Static storage.
ALLOT_EXPORT std::string_view hint(memory_errc error) noexcept;

}  // namespace allot

template <>
struct std::is_error_code_enum<allot::memory_errc> : std::true_type {};
