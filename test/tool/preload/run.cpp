#include "run.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ostream>
#include <string_view>

#include "trace/trace_files.hpp"

namespace allot::test {
namespace {

constexpr unsigned most_seconds = 120;

void send_to(const std::string& file, int descriptor) {
  const int opened = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::dup2(opened, descriptor);
  ::close(opened);
}

std::string text_of(const temporary_file& file) {
  const std::vector<char> content = file.content();
  return {content.begin(), content.end()};
}

}  // namespace

std::size_t run_outcome::error_lines() const {
  return static_cast<std::size_t>(std::count(errors.begin(), errors.end(), '\n'));
}

std::ostream& operator<<(std::ostream& out, const run_outcome& outcome) {
  return out << "exit code " << outcome.exit_code << ", signal " << outcome.signal << ", output: " << outcome.output
             << "errors: " << outcome.errors;
}

run_outcome run(std::vector<std::string> command, const environment& more) {
  const temporary_file output("output");
  const temporary_file errors("errors");
  std::vector<char*> arguments;
  for (std::string& each : command) arguments.push_back(each.data());
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    for (const auto& [name, value] : more) ::setenv(name.c_str(), value.c_str(), 1);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    send_to(output.path(), STDOUT_FILENO);
    send_to(errors.path(), STDERR_FILENO);
    ::alarm(most_seconds);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  run_outcome outcome;
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  outcome.output = text_of(output);
  outcome.errors = text_of(errors);
  return outcome;
}

run_outcome run_preloaded(std::vector<std::string> command, environment more) {
  std::string& preload = more["LD_PRELOAD"];
  preload = preload.empty() ? ALLOT_PRELOAD : ALLOT_PRELOAD " " + preload;
  return run(std::move(command), more);
}

}  // namespace allot::test
