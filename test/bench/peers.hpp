#pragma once

#include <iosfwd>
#include <vector>

#include "bench/candidate.hpp"

namespace allot::bench {

/// The allocators people reach for, each as a std::pmr::memory_resource: glibc's malloc, the pools of the standard
/// library, of Boost.Container and of foonathan/memory, and those of mimalloc, jemalloc, tcmalloc and TBB whose
/// libraries are on this system
/// (`.ci/setup peers` installs them).
///
/// The libraries are loaded beside each other; malloc stays the C library's.
/// @param notes  is told in a line each what is left out, and why
std::vector<candidate> peers(std::ostream& notes);

/// Starts this program again with the room in the static TLS block that jemalloc needs, unless it has it already; glibc
/// reads the setting at the start only. Returns when there is nothing to do or it cannot be done.
void restart_with_room_for_thread_storage(char** arguments);

}  // namespace allot::bench
