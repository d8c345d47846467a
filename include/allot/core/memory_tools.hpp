#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>

namespace allot {

/// Tells AddressSanitizer, MemorySanitizer and Valgrind's Memcheck which bytes of a resource are handed out.
///
/// Decided at run time by the symbols and the processor the process really has: one plain build of the library serves
/// plain and sanitized programs. Without a tool every call is one test of a constant. Thread-safe as far as the bytes
/// are not shared.
namespace memory_tools {

/// True when a tool watches this process. Resources then keep their inline path closed, so that every call is
/// annotated.
ALLOT_EXPORT bool active() noexcept;

/// True when the process may not choose addresses for its mappings: a tool has plans of its own for them, and some end
/// the program over others.
ALLOT_EXPORT bool rule_addresses() noexcept;

/// False where a tool would report reading the byte at p: not handed out, or never written, as far as the tool knows.
ALLOT_EXPORT bool accessible(const void* p) noexcept;

/// Bytes left poisoned behind a block got through allocate(), so that running over its end is seen.
inline constexpr std::size_t redzone = 16;

/// The smallest unit AddressSanitizer can poison; blocks start on multiples of it while a tool is active.
inline constexpr std::size_t granule = 8;

/// Not handed out: any access is an error. Of ranges above 1 GiB only the first and last 64 MiB are poisoned, because
/// the tool's books would take real memory for all of it.
ALLOT_EXPORT void poison(const void* p, std::size_t bytes) noexcept;

/// Handed out: accessible, contents undefined.
ALLOT_EXPORT void hand_out(const void* p, std::size_t bytes) noexcept;

/// Handed out with defined contents, or about to go back to an upstream or to the system, which know nothing of the
/// poison (it survives unmapping).
ALLOT_EXPORT void unpoison(const void* p, std::size_t bytes) noexcept;

/// Moves the end of what a container uses of [begin, limit) from `old_end` to `new_end`: what comes in is handed out,
/// what goes out is poisoned, and AddressSanitizer speaks of a container. `begin` lies on a granule, and no other
/// owner's bytes share the last granule.
ALLOT_EXPORT void move_container_end(const void* begin, const void* limit, const void* old_end,
                                     const void* new_end) noexcept;

/// Has `tell` called with the address of every report of AddressSanitizer, behind the report; null: nobody. The tool
/// has one such place, so what another party had put there is gone.
ALLOT_EXPORT void follow_reports(void (*tell)(const void* address)) noexcept;

}  // namespace memory_tools
}  // namespace allot
