#pragma once

#include <allot/core/compiler.hpp>
#include <allot/os/virtual_memory.hpp>
#include <cstddef>

namespace allot::os {

/// Fills `bytes` bytes at p with random bytes of the system, fit for keys. Waits while the system, early at its start,
/// has none yet. Harmless for 0 bytes; p may then be null. noexcept and thread-safe; errno is as before. On failure,
/// which a system that works does not know, what was written of them is overwritten with zero.
[[nodiscard]] ALLOT_EXPORT status entropy(void* p, std::size_t bytes) noexcept;

}  // namespace allot::os
