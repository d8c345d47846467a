#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <memory_resource>

namespace allot {

// Copies and fills that ask the secure resources of this process how much room there is before they write, and so find
// what would leave a block even if that block is never freed. For memory of others they do what the plain functions do.
// All are harmless for 0 bytes; pointers may then be null. On misuse (misuse_kind::past_block, or a pointer into memory
// that was freed) nothing is copied. Thread-safe as the plain functions are, where the resources of both sides are not
// changed at the same time.

/// As std::memcpy: the two do not overlap.
ALLOT_EXPORT void guarded_copy(void* to, const void* from, std::size_t bytes);
/// As std::memmove.
ALLOT_EXPORT void guarded_move(void* to, const void* from, std::size_t bytes);
/// As std::memset.
ALLOT_EXPORT void guarded_fill(void* p, unsigned char value, std::size_t bytes);

/// Writes `value` to every byte, also where the compiler can prove that nobody reads them again. Not checked.
ALLOT_EXPORT void secure_fill(void* p, unsigned char value, std::size_t bytes) noexcept;

/// Overwrites a block with zero, then gives it back to `memory`, any resource. Harmless for null.
ALLOT_EXPORT void wipe_and_deallocate(std::pmr::memory_resource& memory, void* p, std::size_t bytes,
                                      std::size_t alignment = alignof(std::max_align_t));

}  // namespace allot
