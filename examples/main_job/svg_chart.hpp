#pragma once

#include <string>
#include <vector>

#include "results.hpp"

namespace main_job {

/// A bar chart of the times as an SVG document: a panel for each job, and in it for each measurement a group with a bar
/// for cold and a bar for warm.
std::string svg_chart(const std::vector<comparison>& jobs);

}  // namespace main_job
