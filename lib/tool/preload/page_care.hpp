#pragma once

#include <cstddef>

// What is done with the pages of large blocks, so that a program has no more of the machine's memory than it uses.

namespace allot::preload {

/// Makes a block's bytes zero. Of a large one the pages are dropped: it takes none until the program writes to it.
void make_zero(void* p, std::size_t bytes) noexcept;

/// Copies the first `bytes` of a block that is freed next. The pages of a large one are dropped behind the copy, so
/// that old and new are not both in memory.
void move_bytes(void* to, void* from, std::size_t bytes) noexcept;

}  // namespace allot::preload
