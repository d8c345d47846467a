#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>

namespace allot::os {

/// Characters in a line of the terminal behind a file descriptor; 0 when that is no terminal. A terminal that does not
/// know counts as one of 80. errno is as before. noexcept and thread-safe.
ALLOT_EXPORT std::size_t terminal_width(int descriptor) noexcept;

}  // namespace allot::os
