#pragma once

#include <allot/core/fixed_text.hpp>
#include <cstddef>
#include <string_view>

namespace allot {

/// The addresses of secure resources that are gone, kept inaccessible so that nothing else comes to lie there while the
/// program may still have pointers. The oldest go first when there are more than retired_address_limit(). Thread-safe.
namespace retired {

/// Takes over a mapping of `bytes` of which the first `opened` were handed out: those are kept, the rest is unmapped.
void keep(std::byte* base, std::size_t bytes, std::size_t opened, std::string_view owner) noexcept;

/// The name of the resource that had p; empty when none of those that are kept did.
fixed_text<31> owner_of(const void* p) noexcept;

}  // namespace retired
}  // namespace allot
