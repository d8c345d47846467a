#pragma once

#include <cstddef>

namespace allot::preload {

/// Memory for the time before the program's stack of resources stands, and for what that stack itself, the config's
/// reader and the trace's writer ask of malloc(): a heap in one stretch of addresses, so that its blocks are known by
/// where they are.
///
/// What the heap in turn asks of malloc(), when it sets up its lock say, comes from a small buffer that never takes
/// anything back.
///
/// Thread-safe, and usable in the child of a fork; nothing throws.
namespace bootstrap {

/// Null when there is none left.
void* allocate(std::size_t bytes, std::size_t alignment) noexcept;
void deallocate(void* p) noexcept;
/// That may be used.
std::size_t size_of(const void* p) noexcept;
/// Whether the address is one of these, block or not.
bool holds(const void* p) noexcept;

}  // namespace bootstrap
}  // namespace allot::preload
