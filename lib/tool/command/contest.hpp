#pragma once

#include <allot/trace/compare.hpp>
#include <string>
#include <vector>

#include "candidates.hpp"
#include "command.hpp"
#include "loaded_trace.hpp"
#include "output.hpp"
#include "replay_flags.hpp"

namespace allot::tool {

/// What is compared with what, as the command line says it.
struct contest_flags {
  std::string trace;
  std::vector<std::string> configs;
  std::size_t rounds = compare_options{}.rounds;
  bool only_configs = false;
  replay_flags replay;
};

/// A trace with all that it was replayed on, in the same order.
struct contest_result {
  loaded_trace trace;
  std::vector<config_candidate> candidates;
  std::vector<comparison> rows;
};

/// Replays the trace on all of them, and shows how far it is.
/// @throws config_error, trace_error, command_error
contest_result hold(const contest_flags& wanted, command_context& context);

json to_json(const contest_result& result);

}  // namespace allot::tool
