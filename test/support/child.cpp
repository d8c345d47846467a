#include "support/child.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <vector>

extern char** environ;

namespace allot::test {
namespace {

constexpr const char* child_variable = "ALLOT_TEST_CHILD";

std::map<std::string, std::function<void()>, std::less<>>& children() {
  static std::map<std::string, std::function<void()>, std::less<>> all;
  return all;
}

std::string& program() {
  static std::string path;
  return path;
}

// The program again, behind the words of the emulator that this build needs for it, if any.
std::vector<std::string> command_of_child() {
  std::istringstream emulator{ALLOT_TEST_EMULATOR};
  std::vector<std::string> words{std::istream_iterator<std::string>{emulator}, {}};
  words.push_back(program());
  return words;
}

}  // namespace

child_program::child_program(std::string_view name, std::function<void()> body) {
  if (!children().emplace(name, std::move(body)).second) throw std::logic_error("two children of one name");
}

bool child_outcome::faulted() const {
  return signal == SIGSEGV || signal == SIGBUS || says("Sanitizer: SEGV") || says("Sanitizer:DEADLYSIGNAL");
}

bool child_outcome::aborted() const { return signal == SIGABRT || says("Sanitizer: ABRT"); }

child_outcome run_child(std::string_view name) {
  if (children().find(name) == children().end()) throw std::logic_error("no such child: " + std::string(name));
  std::array<int, 2> pipe_ends{};
  if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDERR_FILENO);
  ::setenv(child_variable, std::string(name).c_str(), 1);
  std::vector<std::string> words = command_of_child();
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int code = ::posix_spawnp(&pid, arguments.front(), &actions, nullptr, arguments.data(), environ);
  ::unsetenv(child_variable);
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

namespace {
bool skip_called = false;
}

void skip(std::string_view reason) {
  std::cout << "SKIPPED: " << reason << std::endl;
  skip_called = true;
}

bool skipped() { return skip_called; }

bool under_thread_sanitizer() {
#if defined(__SANITIZE_THREAD__)
  return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
  return true;
#endif
#endif
  return false;
}

void drop_privileges() {
  constexpr uid_t nobody = 65534;
  if (::geteuid() == 0 && ::setuid(nobody) != 0) throw std::system_error(errno, std::generic_category(), "setuid");
}

bool is_child() { return std::getenv(child_variable) != nullptr; }

int child_main() {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const std::string name = std::getenv(child_variable);
  ::unsetenv(child_variable);
  children().at(name)();
  return 0;
}

void set_program(const char* path) {
  std::array<char, 4096> resolved{};
  const ssize_t length = ::readlink("/proc/self/exe", resolved.data(), resolved.size());
  program() = length > 0 ? std::string(resolved.data(), static_cast<std::size_t>(length)) : std::string(path);
}

}  // namespace allot::test
