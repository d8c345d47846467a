#include <algorithm>
#include <cmath>

#include "results.hpp"

namespace main_job {

double samples::quantile(double part) const {
  std::vector<double> sorted = times_;
  std::sort(sorted.begin(), sorted.end());
  const double place = part * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(place));
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - static_cast<double>(below));
}

}  // namespace main_job
