#pragma once

#include <allot/core/compiler.hpp>
#include <memory_resource>

namespace allot {

/// Pages of the system for what looks at memory and must lie in none of what it looks at. Lives as long as the process.
/// noexcept and thread-safe.
ALLOT_EXPORT std::pmr::memory_resource& inspection_memory() noexcept;

}  // namespace allot
