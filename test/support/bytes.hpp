#pragma once

#include <cstddef>
#include <cstring>

namespace allot::test {

/// Bytes with a value of their own.
inline void fill(void* p, std::size_t bytes, unsigned value) {
  if (bytes != 0) std::memset(p, static_cast<unsigned char>(value), bytes);
}

/// One call for the whole range, which tools take in one go.
inline bool all_are(const void* p, std::size_t bytes, unsigned value) {
  const auto* const first = static_cast<const unsigned char*>(p);
  return bytes == 0 || (*first == static_cast<unsigned char>(value) && std::memcmp(first, first + 1, bytes - 1) == 0);
}

}  // namespace allot::test
