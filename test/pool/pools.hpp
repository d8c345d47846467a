#pragma once

#include <allot/pool/pool_options.hpp>
#include <allot/pool/pool_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "support/held_blocks.hpp"

// Ways to make a pool.

namespace allot::test {

struct named_options {
  std::string name;
  pool_options options;
};

/// One for each spacing; the lists of sizes live for ever.
inline std::vector<named_options> every_spacing() {
  static constexpr std::array<std::size_t, 8> odd_sizes{3000, 24, 56, 40, 24, 1000, 20001, 0};
  static constexpr std::array<std::size_t, 1> one_size{200};
  std::vector<named_options> all;
  const auto add = [&](const char* name, size_spacing spacing) -> pool_options& {
    all.push_back({name, {}});
    all.back().options.spacing = spacing;
    return all.back().options;
  };
  add("four_per_doubling", size_spacing::four_per_doubling);
  add("eight_per_doubling", size_spacing::eight_per_doubling);
  add("power_of_two", size_spacing::power_of_two);
  add("geometric 1.25", size_spacing::geometric);
  add("geometric 1.05", size_spacing::geometric).growth = 1.05;
  add("geometric 3.3", size_spacing::geometric).growth = 3.3;
  pool_options& list = add("exact", size_spacing::exact);
  list.sizes = odd_sizes.data();
  list.size_count = odd_sizes.size();
  pool_options& single = add("exact, one size", size_spacing::exact);
  single.sizes = one_size.data();
  single.size_count = one_size.size();
  add("exact, no sizes", size_spacing::exact);
  return all;
}

/// Each of the same with blocks placed in every way.
inline std::vector<named_options> every_spacing_and_placement() {
  std::vector<named_options> all;
  for (const named_options& each : every_spacing()) {
    for (const bool lines : {false, true}) {
      for (const bool pages : {false, true}) {
        all.push_back(each);
        all.back().options.cache_line_blocks = lines;
        all.back().options.page_local = pages;
        if (lines) all.back().name += ", cache lines";
        if (pages) all.back().name += ", pages";
      }
    }
  }
  return all;
}

}  // namespace allot::test
