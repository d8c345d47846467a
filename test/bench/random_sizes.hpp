#pragma once

#include <cstddef>
#include <cstdint>

namespace allot::bench {

/// A random number generator of a few instructions (Marsaglia, "Xorshift RNGs", 2003).
class quick_random {
 public:
  explicit quick_random(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  std::uint64_t operator()() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  /// From 0 to limit - 1, of a limit below 2^32.
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(((*this)() >> 32) * limit >> 32); }

 private:
  std::uint64_t state_;
};

/// From least to most, both of them too.
std::size_t uniform(quick_random& random, std::size_t least, std::size_t most);

/// The same, each doubling as likely as any other.
std::size_t log_uniform(quick_random& random, std::size_t least, std::size_t most);

std::size_t size_8_to_512(quick_random& random);
std::size_t size_16_to_1k(quick_random& random);
std::size_t size_64_to_32k(quick_random& random);  ///< log-uniform
std::size_t size_32k_to_1m(quick_random& random);  ///< log-uniform

}  // namespace allot::bench
