#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace allot::comparing {

inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// Of two candidates, round by round: what the machine does meanwhile hits both alike, and goes out.
struct difference {
  double more = 0;   ///< share by which the second takes more than the first, in the middle round; may be below 0
  double noise = 0;  ///< how far that may be off: two standard errors of the median, from the scatter of the rounds
};

/// Of fewer rounds than that nobody knows the scatter: then a quarter is taken for noise.
constexpr std::size_t fewest_rounds = 3;

/// The figures of the two, as many each; none: they are taken for equal.
inline difference between(const std::vector<double>& first, const std::vector<double>& second) {
  std::vector<double> ratios;
  ratios.reserve(std::min(first.size(), second.size()));
  for (std::size_t i = 0; i < std::min(first.size(), second.size()); ++i)
    ratios.push_back(first[i] > 0 ? second[i] / first[i] - 1 : 0);
  difference found;
  found.more = median(ratios);
  std::vector<double> distances;
  distances.reserve(ratios.size());
  for (const double each : ratios) distances.push_back(std::fabs(each - found.more));
  constexpr double sigma_of_distance = 1.4826;  // of a normal distribution, by the median distance from its middle
  constexpr double error_of_median = 1.2533;    // of many values, in sigmas by the root of their number
  found.noise = 2 * error_of_median * sigma_of_distance * median(distances) /
                std::sqrt(static_cast<double>(std::max<std::size_t>(ratios.size(), 1)));
  constexpr double unknown = 0.25;
  if (ratios.size() < fewest_rounds) found.noise = std::max(found.noise, unknown);
  return found;
}

}  // namespace allot::comparing
