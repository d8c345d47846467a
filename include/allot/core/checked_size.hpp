#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace allot {

/// The largest size any request can have: pointer differences inside one object must fit std::ptrdiff_t.
inline constexpr std::size_t max_object_bytes = static_cast<std::size_t>((std::numeric_limits<std::ptrdiff_t>::max)());

/// 0 is none.
constexpr bool is_power_of_two(std::size_t value) noexcept { return value != 0 && (value & (value - 1)) == 0; }

/// Checked arithmetic on byte counts: each returns false, and leaves `result` alone, when the exact result does not
/// fit.
[[nodiscard]] constexpr bool checked_add(std::size_t a, std::size_t b, std::size_t& result) noexcept {
  if (a > (std::numeric_limits<std::size_t>::max)() - b) return false;
  result = a + b;
  return true;
}

/// @copydoc checked_add
[[nodiscard]] constexpr bool checked_multiply(std::size_t a, std::size_t b, std::size_t& result) noexcept {
  if (b != 0 && a > (std::numeric_limits<std::size_t>::max)() / b) return false;
  result = a * b;
  return true;
}

/// Rounds `value` up to a multiple of `alignment`, a power of two.
[[nodiscard]] constexpr bool checked_align_up(std::size_t value, std::size_t alignment, std::size_t& result) noexcept {
  std::size_t padded = 0;
  if (!checked_add(value, alignment - 1, padded)) return false;
  result = padded & ~(alignment - 1);
  return true;
}

/// The same for values known to be far from the end of the range.
constexpr std::size_t align_up(std::size_t value, std::size_t alignment) noexcept {
  return (value + alignment - 1) & ~(alignment - 1);
}

/// The largest multiple of a power of two that is not above a value.
constexpr std::size_t align_down(std::size_t value, std::size_t alignment) noexcept { return value & ~(alignment - 1); }

/// Bytes from `address` to the next multiple of `alignment` (a power of two); less than `alignment`.
constexpr std::size_t padding_for(std::uintptr_t address, std::size_t alignment) noexcept {
  return static_cast<std::size_t>(std::uintptr_t{0} - address) & (alignment - 1);
}

/// Addresses as numbers, to calculate with.
inline std::uintptr_t address_of(const void* p) noexcept { return reinterpret_cast<std::uintptr_t>(p); }

/// Whether an address is a multiple of a power of two.
inline bool is_aligned(const void* p, std::size_t alignment) noexcept {
  return padding_for(address_of(p), alignment) == 0;
}

/// True when [p, p + bytes) lies inside [base, base + size). No sum of pointer and size is formed, so none can wrap.
inline bool range_contains(const void* base, std::size_t size, const void* p, std::size_t bytes) noexcept {
  const std::uintptr_t start = address_of(base);
  const std::uintptr_t at = address_of(p);
  return at >= start && at - start <= size && bytes <= size - (at - start);
}

}  // namespace allot
