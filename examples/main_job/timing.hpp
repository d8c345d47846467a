#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "progress.hpp"
#include "results.hpp"
#include "strategies.hpp"
#include "text_input.hpp"
#include "token_containers.hpp"
#include "token_verification.hpp"
#include "verification.hpp"

namespace main_job {

/// Times every strategy once a round.
/// @param rounds  how many; without, as many as fit in a time, both jobs in about 20 seconds, but 1 to 25
/// @throws mismatch when a result's digest is not that of the verified job
std::vector<measurement> time_all(const std::vector<text_file>& files, const std::vector<strategy>& all,
                                  const verified_job& verified, std::optional<std::size_t> rounds, progress& shown);

/// The same with every container. What malloc and storages keep is given back before each cold run, off the clock.
std::vector<measurement> time_all(const std::vector<text_file>& files, const std::vector<token_container>& all,
                                  const verified_tokens& verified, std::optional<std::size_t> rounds, progress& shown);

}  // namespace main_job
