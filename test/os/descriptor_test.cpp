#if defined(_WIN32)
#include <io.h>
#include <process.h>
#else
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include <allot/os/descriptor.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "support/child.hpp"

using namespace allot;

namespace {

std::string new_path() { return "descriptor_test." + std::to_string(::getpid()); }

#if !defined(_WIN32)
bool is_pending(int signal) {
  sigset_t pending;
  ::sigemptyset(&pending);
  ::sigpending(&pending);
  return ::sigismember(&pending, signal) == 1;
}

/// A pipe that nobody reads.
int closed_pipe() {
  std::array<int, 2> ends{};
  BOOST_REQUIRE(::pipe(ends.data()) == 0);
  ::close(ends[0]);
  return ends[1];
}

const test::child_program writes_to_a_closed_pipe{"writes_to_a_closed_pipe", [] {
                                                    std::signal(SIGPIPE, SIG_DFL);
                                                    const int end = closed_pipe();
                                                    const bool written = os::write_text(end, "text");
                                                    if (written || is_pending(SIGPIPE)) std::_Exit(1);
                                                    sigset_t blocked;
                                                    ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
                                                    if (::sigismember(&blocked, SIGPIPE) == 1) std::_Exit(2);
                                                  }};
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(descriptor)

BOOST_AUTO_TEST_CASE(a_file_is_made_and_added_to) {
  const std::string path = new_path();
  for (const char* const text : {"one ", "two"}) {
    const os::descriptor file = os::open_to_append(path.c_str());
    BOOST_REQUIRE(static_cast<bool>(file));
#if !defined(_WIN32)
    BOOST_TEST((::fcntl(file.number, F_GETFL) & O_NONBLOCK) == 0);
#endif
    BOOST_TEST(os::write_text(file.number, text));
    ::close(file.number);
  }
  std::ifstream file(path);
  BOOST_TEST(std::string(std::istreambuf_iterator<char>(file), {}) == "one two");
  std::remove(path.c_str());
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_fifo_nobody_reads_is_refused_instead_of_waited_for) {
  const std::string path = new_path();
  BOOST_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const os::descriptor file = os::open_to_append(path.c_str());
  BOOST_TEST(!file);
  BOOST_TEST(file.outcome.os_code == ENXIO);
  std::remove(path.c_str());
}

BOOST_AUTO_TEST_CASE(a_closed_pipe_takes_nothing_and_ends_nothing) {
  const test::child_outcome outcome = test::run_child("writes_to_a_closed_pipe");
  BOOST_TEST(outcome.signal == 0);
  BOOST_TEST(outcome.exit_code == 0);
}

BOOST_AUTO_TEST_CASE(a_signal_that_waited_before_waits_on) {
  sigset_t pipe_signal;
  sigset_t before;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  std::raise(SIGPIPE);
  const int end = closed_pipe();
  BOOST_TEST(!os::write_text(end, "text"));
  BOOST_TEST(is_pending(SIGPIPE));
  int taken = 0;
  ::sigwait(&pipe_signal, &taken);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(end);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
