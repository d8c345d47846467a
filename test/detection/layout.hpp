#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "detection/candidates.hpp"

namespace allot::detection {

/// Sizes that the second table looks at.
inline constexpr std::array<std::size_t, 3> layout_sizes{16, 64, 1024};

/// How well an attacker can tell where the next block comes to lie.
struct layout {
  double adjacent = 0;             ///< percent of allocations that lie right beside the one before
  std::vector<std::size_t> frees;  ///< how many others were freed before an address came back, for each try
};

/// Where a search for an address that comes back ends.
inline constexpr std::size_t most_frees = 20'000;

/// @param pairs  about how many blocks are allocated and freed in all
layout measure_layout(const candidate& of, std::size_t bytes, std::size_t pairs);

/// As text, for the process that asked, and back; false where it is none.
std::string to_text(const layout& of);
bool from_text(const std::string& text, layout& to);

}  // namespace allot::detection
