#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

/// Numbers as bytes, the same on every machine: LEB128 for numbers that are mostly small, little-endian for fixed ones.
namespace allot::trace_file {

using bytes = std::vector<unsigned char>;

constexpr std::size_t most_of_a_number = 10;

inline unsigned char* put_number(unsigned char* at, std::uint64_t value) noexcept {
  while (value >= 0x80) {
    *at++ = static_cast<unsigned char>(value | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<unsigned char>(value);
  return at;
}

inline void append_number(bytes& to, std::uint64_t value) {
  unsigned char buffer[most_of_a_number];
  to.insert(to.end(), buffer, put_number(buffer, value));
}

inline void append_text(bytes& to, std::string_view text) {
  append_number(to, text.size());
  to.insert(to.end(), text.begin(), text.end());
}

/// Differences, small ones of either sign as small numbers.
constexpr std::uint64_t zigzag(std::uint64_t difference) noexcept {
  return (difference << 1) ^ (0 - (difference >> 63));
}
constexpr std::uint64_t unzigzag(std::uint64_t number) noexcept { return (number >> 1) ^ (0 - (number & 1)); }

template <class Number>
void put_fixed(unsigned char* at, Number value) noexcept {
  for (std::size_t i = 0; i < sizeof(Number); ++i) at[i] = static_cast<unsigned char>(value >> (8 * i));
}

template <class Number>
Number get_fixed(const unsigned char* at) noexcept {
  Number value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    value = static_cast<Number>(value | static_cast<Number>(static_cast<Number>(at[i]) << (8 * i)));
  return value;
}

/// Takes numbers from bytes that may be anything. Once one is not there all are 0 and failed() is true.
class byte_source {
 public:
  byte_source(const unsigned char* first, std::size_t size) noexcept : at_(first), end_(first + size) {}

  bool failed() const noexcept { return failed_; }
  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }

  unsigned char byte() noexcept {
    if (at_ == end_) return fail();
    return *at_++;
  }

  std::uint64_t number() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const unsigned char next = byte();
      if (shift == 63 && next > 1) return fail();
      value |= static_cast<std::uint64_t>(next & 0x7f) << shift;
      if (next < 0x80) return failed_ ? 0 : value;
    }
    return fail();
  }

  std::string_view text() noexcept {
    const std::uint64_t size = number();
    if (size > static_cast<std::uint64_t>(end_ - at_)) fail();
    if (failed_) return {};
    const auto* const first = reinterpret_cast<const char*>(at_);
    at_ += size;
    return {first, static_cast<std::size_t>(size)};
  }

 private:
  unsigned char fail() noexcept {
    failed_ = true;
    at_ = end_;
    return 0;
  }

  const unsigned char* at_;
  const unsigned char* end_;
  bool failed_ = false;
};

}  // namespace allot::trace_file
