#pragma once

#include <cstddef>

/// Windows ends an allocation only as a whole, the contracts of virtual_memory.hpp also parts of one. So there are
/// books: of every allocation, how many of its bytes are not released yet.
namespace allot::os::windows {

/// Whether there is room to put down one more. Thread-safe, as all of this.
bool note_allocation(void* base, std::size_t live_bytes) noexcept;

/// Takes bytes off; how many are left. The allocation is forgotten with its last byte.
std::size_t note_release(void* base, std::size_t bytes) noexcept;

}  // namespace allot::os::windows
