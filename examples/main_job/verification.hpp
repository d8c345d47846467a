#pragma once

#include <cstddef>
#include <vector>

#include "progress.hpp"
#include "results.hpp"
#include "strategies.hpp"
#include "text_input.hpp"

namespace main_job {

/// What is known of a job before anything is timed. `footprints` has one for each strategy, in their order.
struct verified_job {
  job_size size;
  std::size_t room = 0;  ///< bytes in which all one job ever takes finds room, none of it given back
  std::vector<footprint> footprints;
};

/// Does the job once with each strategy, counting bytes, and compares all it made with what new_delete_resource gives.
/// @throws mismatch naming the strategy and the first difference
verified_job verify(const std::vector<text_file>& files, const std::vector<strategy>& all, progress& shown);

}  // namespace main_job
