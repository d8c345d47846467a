#pragma once

#include <cstddef>

namespace allot::preload {

/// What the functions of malloc's family do, wherever the program's memory comes from: from the bootstrap as long as
/// this library is not ready, and while it is at work itself; then from the program's stack of resources, or from the
/// system's malloc.
///
/// Thread-safe, and usable at any time: before main(), after the end of static objects, in children of fork().
namespace program_memory {

/// errno is ENOMEM where it is null.
void* allocate(std::size_t bytes, std::size_t alignment) noexcept;
/// Its bytes are zero.
void* allocate_zeroed(std::size_t count, std::size_t bytes) noexcept;
/// Null is nothing; what is no block ends the program. errno stays as it was.
void deallocate(void* p, const char* function) noexcept;
/// Null, and the old block stays, where there is no memory.
void* resize(void* p, std::size_t bytes) noexcept;
std::size_t usable_size(const void* p) noexcept;

}  // namespace program_memory
}  // namespace allot::preload
