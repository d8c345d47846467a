#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

namespace allot {

/// Sizes as people write them: `using namespace allot::literals; page_block block{64_KiB};`
/// A literal that does not fit std::size_t does not compile when used in a constant expression, and throws
/// std::overflow_error otherwise.
namespace literals {

namespace detail {
[[noreturn]] ALLOT_EXPORT void throw_byte_size_overflow();

constexpr std::size_t scaled(unsigned long long count, unsigned shift) {
  const auto largest = static_cast<unsigned long long>(static_cast<std::size_t>(-1));
  return count > (largest >> shift) ? (throw_byte_size_overflow(), 0) : static_cast<std::size_t>(count << shift);
}
}  // namespace detail

/// So many bytes, or so many times 2^10, 2^20, 2^30 or 2^40 of them.
/// @{
constexpr std::size_t operator""_B(unsigned long long n) { return detail::scaled(n, 0); }
constexpr std::size_t operator""_KiB(unsigned long long n) { return detail::scaled(n, 10); }
constexpr std::size_t operator""_MiB(unsigned long long n) { return detail::scaled(n, 20); }
constexpr std::size_t operator""_GiB(unsigned long long n) { return detail::scaled(n, 30); }
constexpr std::size_t operator""_TiB(unsigned long long n) { return detail::scaled(n, 40); }
/// @}

}  // namespace literals

/// What parse_byte_size found: `bytes` when `error` is clear.
struct parsed_byte_size {
  std::size_t bytes = 0;                                      ///< 0 with an error
  std::error_code error;                                      ///< memory_errc: why the text was refused
  explicit operator bool() const noexcept { return !error; }  ///< whether it was read
};

/// Reads "4096", "64KiB", "1 MiB", "2GiB", "1TiB" or "100B": a whole number and an optional binary unit, letter case of
/// the unit ignored, blanks allowed around the text and before the unit. Decimal units (kB, MB) are refused rather than
/// guessed.
///
/// Errors: memory_errc::invalid_size for anything else, memory_errc::size_overflow when the value does not fit.
[[nodiscard]] ALLOT_EXPORT parsed_byte_size parse_byte_size(std::string_view text) noexcept;

/// The shortest exact form parse_byte_size reads back: 65536 -> "64KiB", 100 -> "100B".
ALLOT_EXPORT std::string format_byte_size(std::size_t bytes);

}  // namespace allot
