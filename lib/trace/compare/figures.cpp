#include "figures.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace allot::comparing {

std::string decimals(double value, int count) {
  std::uint64_t scale = 1;
  for (int i = 0; i < count; ++i) scale *= 10;
  constexpr double most = 1e15;
  const auto scaled = static_cast<std::uint64_t>(std::clamp(value, 0.0, most) * static_cast<double>(scale) + 0.5);
  if (count == 0) return std::to_string(scaled);
  const std::string rest = std::to_string(scaled % scale);
  return std::to_string(scaled / scale) + "." + std::string(static_cast<std::size_t>(count) - rest.size(), '0') + rest;
}

std::string bytes_text(std::size_t bytes) {
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(units); ++unit) value /= 1024;
  return decimals(value, unit == 0 || value >= 99.95 ? 0 : 1) + " " + units[unit];
}

std::string time_text(double nanoseconds) {
  constexpr const char* units[] = {"ns", "us", "ms", "s"};
  double value = nanoseconds;
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < std::size(units); ++unit) value /= 1000;
  return decimals(value, unit == 0 || value >= 99.95 ? 0 : 1) + " " + units[unit];
}

}  // namespace allot::comparing
