#pragma once

#include <vector>

#include "bench/candidate.hpp"

namespace allot::bench {

/// The library's pools, and the floor below any pool.
std::vector<candidate> pools();

}  // namespace allot::bench
