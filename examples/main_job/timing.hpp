#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "progress.hpp"
#include "results.hpp"
#include "strategies.hpp"
#include "text_input.hpp"
#include "verification.hpp"

namespace main_job {

/// Times every strategy once a round, so that whatever disturbs the machine meets all of them alike.
/// @param rounds  how many; without, as many as fit in about 20 seconds, but 1 to 25
/// @throws mismatch when a result's digest is not that of the verified job
std::vector<measurement> time_all(const std::vector<text_file>& files, const std::vector<strategy>& all,
                                  const verified_job& verified, std::optional<std::size_t> rounds, progress& shown);

}  // namespace main_job
