#pragma once

#include <vector>

#include "bench/candidate.hpp"

namespace allot::bench {

/// The secure resource at each of its levels, and one for several threads.
std::vector<candidate> secure_resources();

}  // namespace allot::bench
