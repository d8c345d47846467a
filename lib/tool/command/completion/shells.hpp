#pragma once

#include <string>
#include <vector>

namespace allot::tool {

/// What a shell offers for a word: one of `words`, or a file where there are none and `file` is set.
struct completed_value {
  bool file = false;
  std::vector<std::string> words;
};

struct completed_option {
  std::vector<std::string> names;  ///< with their hyphens, the long ones first
  std::string summary;
  bool takes_value = false;
  completed_value value;
};

struct completed_command {
  std::string name;
  std::string summary;
  std::vector<completed_option> options;
  completed_value argument;
  bool runs_program = false;  ///< what stands after -- is one, with its arguments
};

/// The command: what stands before the subcommand is in `common`, which counts after it, too.
struct completed_program {
  std::vector<completed_option> common;
  std::vector<completed_command> commands;
};

// A script each, which the shell reads once.
std::string bash_completion(const completed_program& program);
std::string zsh_completion(const completed_program& program);
std::string fish_completion(const completed_program& program);

}  // namespace allot::tool
