#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <allot/os/descriptor.hpp>
#include <cerrno>

#include "errno_keeper.hpp"

namespace allot::os {
namespace {

/// While it lives, a pipe that nobody reads refuses what is written instead of ending the program. Such a SIGPIPE goes
/// to the thread that writes; one that was there before stays.
class pipe_signal_guard {
 public:
  pipe_signal_guard() noexcept {
    ::sigemptyset(&pipe_signal_);
    ::sigaddset(&pipe_signal_, SIGPIPE);
    sigset_t pending;
    ::sigemptyset(&pending);
    active_ = ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGPIPE) == 0 &&
              ::pthread_sigmask(SIG_BLOCK, &pipe_signal_, &before_) == 0;
  }
  pipe_signal_guard(const pipe_signal_guard&) = delete;
  pipe_signal_guard& operator=(const pipe_signal_guard&) = delete;
  ~pipe_signal_guard() {
    if (!active_) return;
    const timespec at_once{};
    while (refused_ && ::sigtimedwait(&pipe_signal_, nullptr, &at_once) < 0 && errno == EINTR) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  void refused() noexcept { refused_ = true; }

 private:
  sigset_t pipe_signal_;
  sigset_t before_;
  bool active_ = false;  // not where one is pending, so blocked, already
  bool refused_ = false;
};

}  // namespace

descriptor open_to_append(const char* path) noexcept {
  constexpr mode_t for_all_but_others_to_write = 0644;
  const errno_keeper keeper;
  // Without O_NONBLOCK the system would wait until somebody reads a FIFO. Writing may wait.
  const int number = ::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, for_all_but_others_to_write);
  if (number < 0) return {-1, {memory_errc::platform_error, errno}};
  if (const int flags = ::fcntl(number, F_GETFL); flags >= 0) (void)::fcntl(number, F_SETFL, flags & ~O_NONBLOCK);
  return {number, {}};
}

bool write_text(int descriptor, std::string_view text) noexcept {
  const errno_keeper keeper;
  pipe_signal_guard guard;
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EPIPE) guard.refused();
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace allot::os
