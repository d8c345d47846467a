#include "support/child_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <iterator>
#include <sstream>
#include <system_error>
#include <vector>

#include "support/environment.hpp"

extern char** environ;

namespace allot::test {
namespace {

// The program, behind the words of the emulator that this build needs for it, if any.
std::vector<std::string> command_of(const std::string& program) {
  std::istringstream emulator{ALLOT_TEST_EMULATOR};
  std::vector<std::string> words{std::istream_iterator<std::string>{emulator}, {}};
  words.push_back(program);
  return words;
}

}  // namespace

bool child_outcome::faulted() const {
  return signal == SIGSEGV || signal == SIGBUS || says("Sanitizer: SEGV") || says("Sanitizer:DEADLYSIGNAL");
}

bool child_outcome::aborted() const { return signal == SIGABRT || says("Sanitizer: ABRT"); }

child_outcome run_again(const std::string& program, const char* variable, const std::string& value) {
  std::array<int, 2> pipe_ends{};
  if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDERR_FILENO);
  set_variable(variable, value.c_str());
  std::vector<std::string> words = command_of(program);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int code = ::posix_spawnp(&pid, arguments.front(), &actions, nullptr, arguments.data(), environ);
  set_variable(variable, nullptr);
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe_ends[1]);
  if (code != 0) throw std::system_error(code, std::generic_category(), "posix_spawn");

  child_outcome outcome;
  std::array<char, 4096> piece{};
  for (ssize_t got = 0; (got = ::read(pipe_ends[0], piece.data(), piece.size())) > 0;)
    outcome.output.append(piece.data(), static_cast<std::size_t>(got));
  ::close(pipe_ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  return outcome;
}

void drop_privileges() {
  constexpr uid_t nobody = 65534;
  if (::geteuid() == 0 && ::setuid(nobody) != 0) throw std::system_error(errno, std::generic_category(), "setuid");
}

void prepare_to_crash() {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
}

std::string path_of_program(const char* told) {
  std::array<char, 4096> resolved{};
  const ssize_t length = ::readlink("/proc/self/exe", resolved.data(), resolved.size());
  return length > 0 ? std::string(resolved.data(), static_cast<std::size_t>(length)) : std::string(told);
}

}  // namespace allot::test
