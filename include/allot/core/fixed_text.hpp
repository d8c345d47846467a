#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace allot {

/// A text of at most `Capacity` bytes held in place: it allocates nothing, copies without throwing and is always
/// followed by a zero byte. What does not fit is cut off.
template <std::size_t Capacity>
class fixed_text {
 public:
  fixed_text() noexcept { bytes_[0] = '\0'; }
  /// Cuts off what does not fit.
  fixed_text(std::string_view text) noexcept : fixed_text() { append(text); }

  fixed_text& append(std::string_view text) noexcept {
    for (const char c : text) {
      if (size_ == Capacity) break;
      bytes_[size_++] = c;
    }
    bytes_[size_] = '\0';
    return *this;
  }

  /// @{
  /// Appends digits, the hexadecimal ones after 0x; what does not fit is cut off.
  fixed_text& append_decimal(std::uint64_t value) noexcept { return append_digits(value, 10); }
  fixed_text& append_hex(std::uint64_t value) noexcept {
    append("0x");
    return append_digits(value, 16);
  }
  /// @}

  /// Question marks instead of control characters, so that the text cannot end the line it is put into.
  void make_printable() noexcept {
    for (std::size_t i = 0; i < size_; ++i)
      if (static_cast<unsigned char>(bytes_[i]) < 0x20 || bytes_[i] == 0x7f) bytes_[i] = '?';
  }

  const char* c_str() const noexcept { return bytes_.data(); }
  std::size_t size() const noexcept { return size_; }
  operator std::string_view() const noexcept { return {bytes_.data(), size_}; }

 private:
  fixed_text& append_digits(std::uint64_t value, unsigned base) noexcept {
    char digits[20] = {};  // 2^64 has 20 decimal digits
    std::size_t at = sizeof digits;
    do {
      digits[--at] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    return append(std::string_view(digits + at, sizeof digits - at));
  }

  std::array<char, Capacity + 1> bytes_;  // set up to the zero byte, so that an empty text costs next to nothing
  std::size_t size_ = 0;
};

}  // namespace allot
