#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/core/resource.hpp>
#include <allot/os/virtual_memory.hpp>
#include <cstddef>

namespace allot::os {

/// Which resource of this process has which addresses: ranges and names only, kept up to date when a resource maps or
/// unmaps, never per block. So whoever has only a pointer can find whom to ask about it.
///
/// Thread-safe and usable in the child of a fork. Its memory comes from pages of its own.
namespace address_registry {

struct range {
  const void* begin = nullptr;
  std::size_t bytes = 0;
  resource* owner = nullptr;  ///< null when it is gone and its addresses are kept inaccessible
  fixed_text<31> name = {};   ///< of the owner
};

/// Adds a range that overlaps no other. On failure nothing has changed.
[[nodiscard]] ALLOT_EXPORT status add(const range& added) noexcept;

/// Removes the range that starts at `begin`; harmless when there is none.
ALLOT_EXPORT void remove(const void* begin) noexcept;

/// Makes the range that starts at `begin` one without an owner, of the first `bytes` bytes.
ALLOT_EXPORT void orphan(const void* begin, std::size_t bytes) noexcept;

/// The range p lies in; begin is null when there is none. What it says of the owner holds until the owner is destroyed,
/// which is the caller's to exclude before asking the owner.
ALLOT_EXPORT range find(const void* p) noexcept;

}  // namespace address_registry
}  // namespace allot::os
