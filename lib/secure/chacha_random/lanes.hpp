#pragma once

#include <allot/core/compiler.hpp>
#include <cstdint>

namespace allot {

/// The same word of four blocks side by side. Compilers make one instruction of an operation on all four where they
/// have vectors; loops over arrays they leave as they are, and take three to twenty times as long.
#if defined(ALLOT_VECTOR_OF_BYTES)
using lanes = std::uint32_t ALLOT_VECTOR_OF_BYTES(16);
#else
struct lanes {
  std::uint32_t words[4];

  std::uint32_t& operator[](int i) noexcept { return words[i]; }
  std::uint32_t operator[](int i) const noexcept { return words[i]; }
  friend lanes operator+(lanes a, const lanes& b) noexcept {
    return each(a, [&](auto& w, int i) { w += b[i]; });
  }
  friend lanes operator^(lanes a, const lanes& b) noexcept {
    return each(a, [&](auto& w, int i) { w ^= b[i]; });
  }
  friend lanes operator|(lanes a, const lanes& b) noexcept {
    return each(a, [&](auto& w, int i) { w |= b[i]; });
  }
  friend lanes operator<<(lanes a, int n) noexcept {
    return each(a, [n](auto& w, int) { w <<= n; });
  }
  friend lanes operator>>(lanes a, int n) noexcept {
    return each(a, [n](auto& w, int) { w >>= n; });
  }

 private:
  template <class Change>
  static lanes each(lanes a, Change change) noexcept {
    for (int i = 0; i < 4; ++i) change(a.words[i], i);
    return a;
  }
};
#endif

}  // namespace allot
