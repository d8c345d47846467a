#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>

namespace allot::os {

/// Overwrites `bytes` bytes at p with zero, also when the compiler can prove that nobody reads them again; holds at any
/// optimisation level and with link-time optimisation. Harmless for 0 bytes; p may then be null. Thread-safe as memset
/// is.
ALLOT_EXPORT void secure_zero(void* p, std::size_t bytes) noexcept;

/// The same with `value` in every byte.
ALLOT_EXPORT void secure_fill(void* p, unsigned char value, std::size_t bytes) noexcept;

}  // namespace allot::os
