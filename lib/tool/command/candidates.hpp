#pragma once

#include <allot/trace/replay.hpp>
#include <allot/trace/replay_program.hpp>
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

/// The same from a file, whose path is the name.
/// @throws config_error
config_candidate candidate_from_file(const std::string& path);

/// Each built-in strategy that can serve such a program alone or on pages, in its usual form. Those that give nothing
/// back before the end are among them where all that the program asks for fits into a GiB, a page for each block where
/// there are few.
/// @param shared  several threads use one resource: those that are not thread-safe get a lock
std::vector<config_candidate> built_in_candidates(const replay_program& program, bool shared);

}  // namespace allot::tool
