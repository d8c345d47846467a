#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "detection/attacks.hpp"
#include "detection/candidates.hpp"
#include "detection/layout.hpp"

namespace allot::detection {

/// What a process said and how it ended.
struct ending {
  int status = 0;  ///< of waitpid()
  std::string output;
  std::string diagnostics;  ///< standard error
};

/// Runs one try in a process of its own and judges how that ended. What it said goes to `diagnostics`.
outcome try_attack(const candidate& of, const attack& by, std::size_t turn, std::string& diagnostics);
std::optional<layout> try_layout(const candidate& of, std::size_t bytes, std::size_t pairs);
/// Whether malloc is the preloaded library's in a process of that candidate.
bool can_be_had(const candidate& of);

/// In that process: does what the command line says, and ends.
/// @return false where the arguments are for the parent
bool is_trial(int count, char** arguments);
[[noreturn]] void run_trial(char** arguments);

}  // namespace allot::detection
