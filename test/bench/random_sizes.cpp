#include "bench/random_sizes.hpp"

#include <cmath>

namespace allot::bench {

std::size_t uniform(quick_random& random, std::size_t least, std::size_t most) {
  return least + random.below(most - least + 1);
}

std::size_t log_uniform(quick_random& random, std::size_t least, std::size_t most) {
  const double smallest = static_cast<double>(least);
  const double part = static_cast<double>(random.below(1u << 20)) / (1u << 20);
  return static_cast<std::size_t>(smallest * std::pow(static_cast<double>(most) / smallest, part));
}

std::size_t size_8_to_512(quick_random& random) { return uniform(random, 8, 512); }
std::size_t size_16_to_1k(quick_random& random) { return uniform(random, 16, 1024); }
std::size_t size_64_to_32k(quick_random& random) { return log_uniform(random, 64, std::size_t{32} << 10); }
std::size_t size_32k_to_1m(quick_random& random) {
  return log_uniform(random, std::size_t{32} << 10, std::size_t{1} << 20);
}

}  // namespace allot::bench
