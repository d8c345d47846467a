#pragma once

#include <allot/trace/replay_program.hpp>
#include <memory_resource>

#include "candidates.hpp"

namespace allot::tool {

/// Whether this is known to be for one thread alone, whatever it stands on.
bool is_for_one_thread(const std::pmr::memory_resource& memory);

/// Refuses a candidate that threads of the replay would break: one of them is on something for one thread.
/// @throws command_error, bad_config
void check_sharing(const replay_program& program, const config_candidate& candidate, const replay_options& options);

}  // namespace allot::tool
