#pragma once

#include <allot/trace/replay.hpp>
#include <memory>
#include <string>
#include <vector>

namespace allot::tool {

/// A config a trace can be replayed on.
struct config_candidate {
  std::string config;  ///< the text: what stands for a resource of the trace is that of its name, otherwise the default
  replay_candidate replayed;
};

/// One from a config's text. Each replay builds its own stack.
/// @throws config_error
config_candidate candidate_from(std::string name, const std::string& config, const std::string& source_name);

/// Each built-in strategy that can serve such a program alone or on pages, in its usual form.
/// @param shared  several threads use one resource: those that are not thread-safe get a lock
std::vector<config_candidate> built_in_candidates(bool shared);

}  // namespace allot::tool
