#pragma once

#include <cstddef>
#include <range/v3/algorithm/sort.hpp>
#include <vector>

namespace allot::bench {

inline double median(std::vector<double> times) {
  ranges::sort(times);
  const std::size_t half = times.size() / 2;
  return times.size() % 2 == 1 ? times[half] : (times[half - 1] + times[half]) / 2;
}

/// Half the distance between the quartiles, as a share of the median.
inline double spread(std::vector<double> times) {
  ranges::sort(times);
  const double low = times[times.size() / 4];
  const double high = times[times.size() * 3 / 4];
  return (high - low) / 2 / median(times);
}

}  // namespace allot::bench
