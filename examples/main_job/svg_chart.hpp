#pragma once

#include <string>
#include <vector>

#include "results.hpp"

namespace main_job {

/// A bar chart of the times as an SVG document: for each measurement a group with a bar for cold and a bar for warm.
std::string svg_chart(const std::vector<measurement>& results, const job_size& size);

}  // namespace main_job
