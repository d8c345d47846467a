#include "detection/trial.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <system_error>
#include <vector>

extern char** environ;

namespace allot::detection {
namespace {

constexpr const char* trial_option = "--trial";
constexpr const char* layout_task = "layout";
constexpr const char* file_task = "file";
constexpr int outcome_code = 100;  // exit codes from here on are outcomes
constexpr unsigned longest_seconds = 10;

/// Two ends, closed in processes that are started.
class pipe_ends {
 public:
  pipe_ends() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  }
  ~pipe_ends() {
    ::close(ends_[0]);
    close_in();
  }
  pipe_ends(const pipe_ends&) = delete;
  pipe_ends& operator=(const pipe_ends&) = delete;

  int in() const { return ends_[1]; }
  void close_in() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }
  std::string all() const {
    std::string text;
    std::array<char, 4096> piece{};
    for (ssize_t got = 0; (got = ::read(ends_[0], piece.data(), piece.size())) > 0;)
      text.append(piece.data(), static_cast<std::size_t>(got));
    return text;
  }

 private:
  std::array<int, 2> ends_{};
};

/// Starts this program again, with the candidate's library loaded first.
ending run(const candidate& of, std::vector<std::string> words) {
  words.insert(words.begin(), {"detection", trial_option, of.level ? of.name : "malloc"});
  std::vector<char*> arguments;
  for (std::string& w : words) arguments.push_back(w.data());
  arguments.push_back(nullptr);
  std::vector<char*> environment;
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (std::strncmp(*variable, "LD_PRELOAD=", 11) != 0) environment.push_back(*variable);
  std::string preload = "LD_PRELOAD=" + of.preload;
  if (!of.preload.empty()) environment.push_back(preload.data());
  environment.push_back(nullptr);

  pipe_ends output;
  pipe_ends diagnostics;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output.in(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, diagnostics.in(), STDERR_FILENO);
  pid_t pid = 0;
  const int code = ::posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) throw std::system_error(code, std::generic_category(), "posix_spawn");
  output.close_in();
  diagnostics.close_in();
  ending found;
  found.output = output.all();
  found.diagnostics = diagnostics.all();
  ::waitpid(pid, &found.status, 0);
  return found;
}

outcome judge(const ending& of) {
  if (WIFEXITED(of.status)) {
    const int code = WEXITSTATUS(of.status) - outcome_code;
    if (code >= 0 && code < outcome_count) {
      const auto unseen = static_cast<outcome>(code);
      return of.diagnostics.empty() ? unseen : outcome::noted;
    }
    // Some allocators end the program by exit().
    return of.diagnostics.empty() ? outcome::crash : outcome::abort;
  }
  const int signal = WTERMSIG(of.status);
  if (signal == SIGALRM) return outcome::hang;
  const bool in_access = !of.output.empty() && of.output.back() == 'A';
  if ((signal == SIGSEGV || signal == SIGBUS) && in_access) return outcome::fault;
  return of.diagnostics.empty() ? outcome::crash : outcome::abort;
}

candidate candidate_of(const std::string& name) {
  for (const candidate& c : own_candidates())
    if (c.level && c.name == name) return c;
  return {name, std::nullopt};
}

void say(const std::string& text) {
  if (::write(STDOUT_FILENO, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::_Exit(EXIT_FAILURE);
}

}  // namespace

outcome try_attack(const candidate& of, const attack& by, std::size_t turn, std::string& diagnostics) {
  const ending how = run(of, {std::string(by.name), std::to_string(turn)});
  diagnostics = how.diagnostics;
  return judge(how);
}

std::optional<layout> try_layout(const candidate& of, std::size_t bytes, std::size_t pairs) {
  layout found;
  const ending how = run(of, {layout_task, std::to_string(bytes), std::to_string(pairs)});
  if (how.status != 0 || !from_text(how.output, found)) return std::nullopt;
  return found;
}

bool can_be_had(const candidate& of) {
  if (of.preload.empty()) return true;
  const auto file_name = [](const std::string& path) { return path.substr(path.rfind('/') + 1); };
  const ending how = run(of, {file_task});
  return how.status == 0 && file_name(how.output) == file_name(of.preload);
}

bool is_trial(int count, char** arguments) { return count > 3 && std::strcmp(arguments[1], trial_option) == 0; }

void run_trial(char** arguments) {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const candidate of = candidate_of(arguments[2]);
  const std::string task = arguments[3];
  if (task == file_task) {
    say(file_of_malloc());
    std::_Exit(EXIT_SUCCESS);
  }
  const std::size_t number = std::strtoul(arguments[4], nullptr, 10);
  if (task == layout_task) {
    say(to_text(measure_layout(of, number, std::strtoul(arguments[5], nullptr, 10))));
    std::_Exit(EXIT_SUCCESS);
  }
  ::alarm(longest_seconds);
  for (const attack& a : attacks()) {
    if (a.name != task) continue;
    scene here(of, number, a.decided == attack::by::threads);
    std::_Exit(outcome_code + static_cast<int>(a.run(here)));
  }
  std::_Exit(EXIT_FAILURE);
}

}  // namespace allot::detection
