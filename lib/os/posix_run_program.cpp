#include <signal.h>
#include <spawn.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <allot/os/run_program.hpp>
#include <array>
#include <cerrno>
#include <string_view>

#include "errno_keeper.hpp"
#include "posix_extras.hpp"

extern char** environ;

namespace allot::os {
namespace {

constexpr std::array<int, 4> asking_to_end{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/// While it lives, those signals and that of a child's end wait to be taken, one after the other.
class waiting_signals {
 public:
  waiting_signals() noexcept {
    ::sigemptyset(&watched_);
    for (const int each : asking_to_end) ::sigaddset(&watched_, each);
    ::sigaddset(&watched_, SIGCHLD);
    ::pthread_sigmask(SIG_BLOCK, &watched_, &before_);
    // Where the end of children is ignored, nobody hears of it.
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    ::sigaction(SIGCHLD, &usual, &child_before_);
  }
  ~waiting_signals() {
    ::sigaction(SIGCHLD, &child_before_, nullptr);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  waiting_signals(const waiting_signals&) = delete;
  waiting_signals& operator=(const waiting_signals&) = delete;

  siginfo_t next() const noexcept {
    siginfo_t got{};
    while (::sigwaitinfo(&watched_, &got) < 0) {
    }
    return got;
  }

  const sigset_t& before() const noexcept { return before_; }

 private:
  sigset_t watched_;
  sigset_t before_;
  struct sigaction child_before_ {};
};

std::string_view name_of(std::string_view setting) noexcept { return setting.substr(0, setting.find('=')); }

/// As the system wants it: the strings stay the caller's.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& each : texts) all.push_back(each.data());
  all.push_back(nullptr);
  return all;
}

std::vector<std::string> environment_of(const program_call& call) {
  std::vector<std::string> all;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view name = name_of(*each);
    if (std::none_of(call.environment.begin(), call.environment.end(), [&](auto& one) { return one.first == name; }))
      all.emplace_back(*each);
  }
  for (const auto& [name, value] : call.environment)
    if (value) all.push_back(name + "=" + *value);
  return all;
}

/// Starts it; 0, or what the system says.
int start(const program_call& call, const sigset_t& signals, pid_t& process) {
  std::vector<std::string> arguments = call.arguments;
  std::vector<std::string> environment = environment_of(call);
  const std::vector<char*> argument_pointers = pointers_to(arguments);
  const std::vector<char*> environment_pointers = pointers_to(environment);
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  if (const int code = ::posix_spawn_file_actions_init(&files); code != 0) return code;
  int code = ::posix_spawnattr_init(&attributes);
  if (code == 0) {
    if (call.output_to_errors) code = ::posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    ::posix_spawnattr_setsigmask(&attributes, &signals);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    if (code == 0)
      code = ::posix_spawn(&process, call.file.c_str(), &files, &attributes, argument_pointers.data(),
                           environment_pointers.data());
    ::posix_spawnattr_destroy(&attributes);
  }
  ::posix_spawn_file_actions_destroy(&files);
  return code;
}

}  // namespace

program_end run_program(const program_call& call) {
  const errno_keeper keeper;
  const waiting_signals signals;
  program_end end;
  pid_t process = 0;
  if (const int code = start(call, signals.before(), process); code != 0) {
    end.outcome = {to_memory_errc(code), code};
    return end;
  }
  end.process = process;
  for (int state = 0;;) {
    const siginfo_t got = signals.next();
    if (got.si_signo != SIGCHLD) {
      if (got.si_code <= 0) ::kill(process, got.si_signo);  // sent by a process
      continue;
    }
    const pid_t ended = ::waitpid(process, &state, WNOHANG);
    if (ended != process) continue;  // it stopped, say, or another one ended
    if (WIFEXITED(state)) end.exit_code = WEXITSTATUS(state);
    if (WIFSIGNALED(state)) end.signal_taken = WTERMSIG(state);
    return end;
  }
}

std::string path_of_this_program() {
  std::array<char, 4096> path;
  return std::string(path.data(), extras::own_path(path.data(), path.size()));
}

}  // namespace allot::os
