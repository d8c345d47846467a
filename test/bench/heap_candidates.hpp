#pragma once

#include <vector>

#include "bench/candidate.hpp"

namespace allot::bench {

/// The library's heap and what is made of it, and two other ways to make one.
std::vector<candidate> heaps();

}  // namespace allot::bench
