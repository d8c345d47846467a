#pragma once

#include <vector>

#include "bench/candidate.hpp"

namespace allot::bench {

/// The library's heap and what is made of it, two other ways to do it, and a pool.
std::vector<candidate> heaps();

}  // namespace allot::bench
