#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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

/// @throws mismatch naming who gave the result when there is a difference to the reference, or the digests differ
void require_equal(std::string_view name, const std::optional<std::string>& difference, std::uint64_t digest,
                   std::uint64_t expected);

/// Does the job once with each strategy, counting bytes, and compares all it made with what new_delete_resource gives.
/// @throws mismatch naming the strategy and the first difference
verified_job verify(const std::vector<text_file>& files, const std::vector<strategy>& all, progress& shown);

}  // namespace main_job
