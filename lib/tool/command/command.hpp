#pragma once

#include <iosfwd>
#include <stdexcept>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace allot::tool {

/// What the command ends with. Of `record`: what the program ended with, or 128 + the signal that ended it.
enum exit_code : int {
  success = 0,
  found_wanting = 1,      ///< all went well, and the answer is no: a config with errors, a damaged replay
  wrong_usage = 64,       ///< of the command itself
  bad_data = 65,          ///< a trace that cannot be read, or is damaged where that matters
  no_input = 66,          ///< a trace, or a config to be checked, that is not there
  internal_error = 70,    ///< a defect of the command, or no memory
  cannot_write = 73,      ///< an output file
  bad_config = 78,        ///< a config that was to be used and cannot be
  cannot_execute = 126,   ///< of `record`: static, set-uid, or no program at all
  no_such_program = 127,  ///< of `record`
};

/// What all subcommands are told.
struct command_context {
  std::ostream& out;
  std::ostream& errors;
  bool json = false;                      ///< --json: the result as one JSON value on `out`, and nothing else there
  bool colours = false;                   ///< `out` is a terminal that shows them, and NO_COLOR is not set
  bool progress = false;                  ///< `errors` is a terminal
  int code = success;                     ///< what the subcommand that ran ends with
  std::vector<std::string> program = {};  ///< of `record`: what stands after --
};

/// What ends a subcommand, where no other exception says it: one line for people, and the code.
class command_error : public std::runtime_error {
 public:
  command_error(exit_code code, const std::string& problem) : std::runtime_error(problem), code_(code) {}
  exit_code code() const noexcept { return code_; }

 private:
  exit_code code_;
};

/// Makes an empty command the whole one: all subcommands with their options, whose callbacks do the work.
void add_all(CLI::App& app, command_context& context);

/// Does what arguments, without the program's own name, ask for. Errors are told as `allot: ...`, and with --json as a
/// JSON value, too. Returns the exit code.
int run(std::vector<std::string> arguments, command_context& context);

}  // namespace allot::tool
