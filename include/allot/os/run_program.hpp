#pragma once

#include <allot/core/compiler.hpp>
#include <allot/os/virtual_memory.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace allot::os {

/// A program to be run.
struct program_call {
  std::string file;                    ///< its path
  std::vector<std::string> arguments;  ///< the first is the name it is told
  /// What is different in its environment from that of this process; nothing: the variable is taken away.
  std::vector<std::pair<std::string, std::optional<std::string>>> environment;
  bool output_to_errors = false;  ///< what it writes to its standard output goes to its standard error
};

/// How it ended.
struct program_end {
  status outcome = {};   ///< of starting it; nothing else counts where that failed
  long process = 0;      ///< the number it had
  int exit_code = 0;     ///< where no signal ended it
  int signal_taken = 0;  ///< that ended it; 0: none
};

/// Runs a program, and waits for its end. It has this process's open files, folder, and handling of signals.
///
/// Signals that ask the calling process to end (SIGINT, SIGTERM, SIGHUP, SIGQUIT) and that another process sent are
/// handed on to the program, and do nothing else meanwhile; those that a terminal sends reach the program by
/// themselves. To be called while the process has one thread. @throws std::bad_alloc
ALLOT_EXPORT program_end run_program(const program_call& call);

/// The path of the program that this process runs; empty where the system does not tell. @throws std::bad_alloc
ALLOT_EXPORT std::string path_of_this_program();

}  // namespace allot::os
