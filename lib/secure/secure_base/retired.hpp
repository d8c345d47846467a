#pragma once

#include <allot/core/resource.hpp>
#include <cstddef>

namespace allot::retired {

/// Takes over a registered mapping of `bytes` of an owner that ends. The addresses of its first `opened` bytes, which
/// were handed out, are kept as retired_addresses.hpp says, without their contents; the rest is unmapped. Thread-safe.
void keep(const resource& owner, std::byte* base, std::size_t bytes, std::size_t opened) noexcept;

}  // namespace allot::retired
