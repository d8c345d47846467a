#pragma once

#include <allot/core/compiler.hpp>
#include <cstdint>

namespace allot::os {

/// The number of the calling thread: threads are numbered from 1 on, in the order in which they ask. No two have the
/// same, even one after the other, as addresses and the system's own numbers may be. noexcept and thread-safe; the
/// child of a fork keeps the number of the thread that forked.
ALLOT_EXPORT std::uint64_t this_thread_number() noexcept;

}  // namespace allot::os
