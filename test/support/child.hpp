#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "support/machine.hpp"

namespace allot::test {

/// A program that is expected to end badly: `const child_program overflow{"overflow", [] { ... }};` at namespace scope.
/// run_child("overflow") starts the test program again and runs only that.
class child_program {
 public:
  child_program(std::string_view name, std::function<void()> body);
};

struct child_outcome {
  int exit_code = -1;  ///< -1 when a signal ended it
  int signal = 0;
  std::string output;  ///< standard error

  /// Ended by touching memory it must not touch, with a sanitizer's report or without.
  bool faulted() const;
  bool aborted() const;
  bool says(std::string_view text) const { return output.find(text) != std::string::npos; }
};

/// Runs the child of that name in a process of its own and waits for it. 0 is the exit code of a body that returns.
child_outcome run_child(std::string_view name);

/// What run_child() runs, by its path, and the variable that says which child it is to be.
const std::string& program();
inline constexpr const char* child_variable = "ALLOT_TEST_CHILD";

/// All that this program was started with, its name first.
const std::vector<std::string>& arguments();

/// Marks the running case as skipped, with the reason. The case returns right after; one that failed before has failed.
void skip(std::string_view reason);

/// True when skip() was called. The program then ends with this code, unless something failed.
bool skipped();
inline constexpr int skipped_exit_code = 77;

/// Whether ThreadSanitizer watches. It takes some of the address space, adds mappings, and dies on fixed addresses it
/// does not like, so some cases about these cannot run under it.
bool under_thread_sanitizer();

/// For a child: ends what the superuser may beyond others, so that limits of the process bind.
void drop_privileges();

// For main().
bool is_child();
int child_main();
void set_program(int argc, char** argv);

}  // namespace allot::test
