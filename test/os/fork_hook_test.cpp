#include <sys/wait.h>
#include <unistd.h>

#include <allot/os/fork_hook.hpp>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <mutex>
#include <thread>

#include "support/child.hpp"

using namespace allot;

namespace {

// Hooks stay for the life of the process, so every case runs in one of its own. A log that allocates nothing.
char log_text[64];
std::size_t log_length = 0;
void note(char c) {
  if (log_length + 1 < sizeof log_text) log_text[log_length++] = c;
}
bool log_is(const char* text) {
  std::size_t i = 0;
  while (text[i] != 0 && text[i] == log_text[i]) ++i;
  return text[i] == 0 && i == log_length;
}

[[noreturn]] void fail(const char* why) {
  std::size_t length = 0;
  while (why[length] != 0) ++length;
  (void)!::write(STDERR_FILENO, why, length);
  ::_exit(1);
}

void expect(bool good, const char* why) {
  if (!good) fail(why);
}

/// Forks; the child ends with what `work` says. True when that was true.
template <class Work>
bool in_fork(Work work) {
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child == 0) ::_exit(work() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::mutex lock;

const test::child_program order{"fork_hooks_in_order", [] {
                                  expect(static_cast<bool>(os::at_fork([] { note('a'); }, [] { note('A'); })), "first");
                                  expect(log_is(""), "a hook ran early");
                                  expect(static_cast<bool>(os::at_fork([] { note('b'); }, [] { note('B'); })),
                                         "second");
                                  expect(in_fork([] { return log_is("baAB"); }), "wrong order in the child");
                                  expect(log_is("baAB"), "wrong order in the parent");
                                  expect(in_fork([] { return log_is("baABbaAB"); }), "not at the second fork");
                                  expect(in_fork([] {  // and in the child's own
                                           return in_fork([] { return log_is("baABbaABbaABbaAB"); });
                                         }),
                                         "not at a fork of the child");
                                }};

const test::child_program held{"fork_hook_takes_a_lock", [] {
                                 expect(static_cast<bool>(os::at_fork([] { lock.lock(); }, [] { lock.unlock(); })),
                                        "hook");
                                 std::atomic<bool> stop{false};
                                 std::thread other([&] {
                                   while (!stop) {
                                     const std::lock_guard inside(lock);
                                     std::this_thread::yield();
                                   }
                                 });
                                 bool good = true;
                                 for (int i = 0; i < 50 && good; ++i) {
                                   good = in_fork([] {
                                     ::alarm(20);
                                     const std::lock_guard inside(lock);
                                     return true;
                                   });
                                 }
                                 stop = true;
                                 other.join();
                                 expect(good, "the child could not take the lock");
                               }};

static_assert(noexcept(os::at_fork(nullptr, nullptr)));

}  // namespace

BOOST_AUTO_TEST_SUITE(fork_hooks)

BOOST_AUTO_TEST_CASE(the_hooks_of_the_latest_run_first_before_a_fork_and_last_after_it_in_both_processes) {
  const auto outcome = test::run_child("fork_hooks_in_order");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}

BOOST_AUTO_TEST_CASE(a_lock_another_thread_keeps_taking_is_free_in_the_child) {
  const auto outcome = test::run_child("fork_hook_takes_a_lock");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}

BOOST_AUTO_TEST_CASE(a_child_has_another_fork_count_than_its_parent) {
  const unsigned own = os::fork_count();
  BOOST_TEST(static_cast<bool>(os::count_forks()));
  BOOST_TEST(os::fork_count() == own);
  BOOST_TEST(in_fork([own] { return os::fork_count() != own; }));
}

BOOST_AUTO_TEST_SUITE_END()
