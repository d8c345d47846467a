#pragma once

#include <allot/core/compiler.hpp>
#include <allot/os/virtual_memory.hpp>
#include <cstddef>

namespace allot {

/// Maps `usable` bytes, a multiple of the page size, with the given access between two guards of one page each:
///
///     | lead guard | usable | tail guard |
///
/// Where the system has guard advice this costs no map entry of its own, elsewhere two. The sum with the guards is the
/// caller's to check for overflow. Give all three back with give_back_pages(). Thread-safe.
///
/// @param alignment  of the first usable byte
/// @param where      where the lead guard goes
/// @return the first usable byte
ALLOT_EXPORT os::mapping map_guarded_pages(std::size_t usable, std::size_t alignment, os::access rights,
                                           os::placement where = {}) noexcept;

/// Unmaps pages that nobody uses any more; harmless for 0 bytes. Where the system has no map entry left to split a
/// mapping with, their contents are dropped where possible and they count as leaked. Thread-safe.
ALLOT_EXPORT void give_back_pages(void* p, std::size_t bytes) noexcept;

/// Bytes of address space give_back_pages() could not give back since the program started.
ALLOT_EXPORT std::size_t leaked_page_bytes() noexcept;

}  // namespace allot
