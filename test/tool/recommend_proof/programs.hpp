#pragma once

#include <allot/trace/replay_program.hpp>
#include <string>
#include <vector>

namespace allot::proof {

/// A program of which one knows what memory suits it.
struct known_program {
  const char* name;
  const char* does;
  std::vector<std::string> best;  ///< strategies that are known to suit it, by the reason that follows
  const char* because;
  bool shared;  ///< two threads use its memory
  replay_program (*recorded)();
};

const std::vector<known_program>& known_programs();

}  // namespace allot::proof
