#pragma once

#include <allot/testing/counting_resource.hpp>
#include <cstddef>
#include <memory_resource>
#include <vector>

#include "support/held_blocks.hpp"

namespace allot::test {

/// Whether blocks that come and go in waves make a resource ask its upstream in the first wave only, and give nothing
/// back but one table that became too small.
inline bool only_the_first_wave_asks(std::pmr::memory_resource& memory, const testing::counting_resource& upstream,
                                     int waves, std::size_t count) {
  std::size_t asked = 0;
  for (int wave = 0; wave < waves; ++wave) {
    std::vector<held_block> blocks = take_mixed(memory, count, 2000, 3);
    give_all_at_random(memory, blocks);
    if (wave == 0) asked = upstream.allocations();
  }
  return upstream.allocations() == asked && upstream.deallocations() <= 1;
}

}  // namespace allot::test
