#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>

namespace allot {

// When a secure resource ends, its memory goes back to the system, but its addresses stay inaccessible for a while: a
// pointer somebody kept then faults instead of reaching what came to lie there, and freeing it is reported with the
// name of the resource that is gone. The oldest addresses go first when there are too many. All of this is thread-safe.

/// Bytes of address space kept so.
ALLOT_EXPORT std::size_t retired_address_bytes() noexcept;

/// The most that are kept: 64 GiB, or 64 MiB where addresses have 32 bits.
ALLOT_EXPORT std::size_t retired_address_limit() noexcept;

/// Changes that; 0 keeps none. What is too much goes at once.
ALLOT_EXPORT void set_retired_address_limit(std::size_t bytes) noexcept;

}  // namespace allot
