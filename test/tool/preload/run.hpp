#pragma once

#include <map>
#include <string>
#include <vector>

namespace allot::test {

struct run_outcome {
  int exit_code = -1;  ///< -1 when a signal ended it
  int signal = 0;
  std::string output;  ///< standard output
  std::string errors;  ///< standard error

  bool ended_well() const { return exit_code == 0 && errors.empty(); }
  std::size_t error_lines() const;
};
std::ostream& operator<<(std::ostream& out, const run_outcome& outcome);

using environment = std::map<std::string, std::string>;

/// Runs a program, found as a shell finds it, and waits for it. One that takes more than two minutes is ended.
/// @param more  to be in its environment, beside what is there
run_outcome run(std::vector<std::string> command, const environment& more = {});

/// The same on liballot_preload.so.
run_outcome run_preloaded(std::vector<std::string> command, environment more = {});

}  // namespace allot::test
