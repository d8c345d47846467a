#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "progress.hpp"
#include "results.hpp"
#include "text_input.hpp"
#include "token_containers.hpp"

namespace main_job {

/// What is known of the tokens before anything is timed. `footprints` has one for each container, in their order.
struct verified_tokens {
  std::size_t count = 0;
  std::uint64_t digest = 0;
  std::vector<footprint> footprints;
};

/// Fills each container once, counting bytes, and compares every token with those of a std::vector.
/// @throws mismatch naming the container and the first difference
verified_tokens verify(const std::vector<text_file>& files, const std::vector<token_container>& all, progress& shown);

}  // namespace main_job
