#pragma once

#include <cstddef>
#include <string>

#include "results.hpp"

namespace main_job {

/// The number with so many digits behind the point.
std::string fixed(double value, int digits);

/// How many digits times in milliseconds need: few, unless the job is so small that they would all be noughts.
int time_digits(const measurement& reference);

std::string bytes_text(std::size_t bytes);

/// The table, a line for each measurement. The first one is what the relative times refer to.
std::string table(const comparison& compared);

}  // namespace main_job
