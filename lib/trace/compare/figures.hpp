#pragma once

#include <cstddef>
#include <string>

/// Figures as people read them.
namespace allot::comparing {

/// With a point, whatever the locale.
std::string decimals(double value, int count);

/// "12.3 MiB": three digits are enough.
std::string bytes_text(std::size_t bytes);

/// "850 ns", "1.2 us"
std::string time_text(double nanoseconds);

}  // namespace allot::comparing
