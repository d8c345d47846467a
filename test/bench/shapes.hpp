#pragma once

#include <cstddef>
#include <vector>

#include "bench/shape.hpp"

namespace allot::bench {

/// @param shrink  divides how much each shape does, for a quick look
std::vector<shape> size_shapes(std::size_t shrink);
std::vector<shape> huge_size_shapes(std::size_t shrink);
std::vector<shape> cold_size_shapes(std::size_t shrink);
std::vector<shape> container_shapes(std::size_t shrink);
std::vector<shape> aged_heap_shapes(std::size_t shrink);
std::vector<shape> memory_shapes(std::size_t shrink);
std::vector<shape> concurrent_shapes(std::size_t shrink);
std::vector<shape> latency_shapes(std::size_t shrink);
std::vector<shape> range_shapes(std::size_t shrink);
std::vector<shape> resident_shapes(std::size_t shrink);
std::vector<shape> secure_shapes(std::size_t shrink);

}  // namespace allot::bench
