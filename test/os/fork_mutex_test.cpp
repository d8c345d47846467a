#include <sys/wait.h>
#include <unistd.h>

#include <allot/os/fork_hook.hpp>
#include <allot/os/fork_mutex.hpp>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <mutex>
#include <optional>
#include <thread>

#include "support/child.hpp"

using namespace allot;

namespace {

/// Forks; the child ends with what `work` says, or after 20 seconds. True when that was true.
template <class Work>
bool in_fork(Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    ::_exit(work() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void expect(bool good) {
  if (!good) ::_exit(1);
}

// Hooks stay for the life of the process, so this runs in one of its own.
const test::child_program taken{"fork_mutexes_taken_by_others", [] {
                                  os::fork_mutex outer;
                                  os::fork_mutex inner;
                                  int whole = 0;  // but while `inner` is held
                                  std::atomic<bool> stop{false};
                                  std::thread other([&] {
                                    while (!stop) {
                                      {
                                        const std::lock_guard first(outer);
                                        const std::lock_guard second(inner);
                                        ++whole;
                                        for (volatile int i = 0; i < 100; i = i + 1) {
                                        }
                                        --whole;
                                      }
                                      std::this_thread::yield();
                                    }
                                  });
                                  bool good = true;
                                  for (int i = 0; i < 50 && good; ++i) {
                                    good = in_fork([&] {
                                      const std::lock_guard second(inner);
                                      const std::lock_guard first(outer);
                                      return whole == 0;
                                    });
                                  }
                                  stop = true;
                                  other.join();
                                  expect(good);
                                }};

std::mutex joined;  // not one of ours
os::fork_locks joined_locks{[]() noexcept { return joined.try_lock(); }, []() noexcept { joined.unlock(); }};

const test::child_program joining{"fork_locks_waited_for_under_fork_mutexes", [] {
                                    os::fork_mutex ours;
                                    if (!os::join_fork_mutexes(joined_locks)) ::_exit(1);
                                    std::atomic<bool> stop{false};
                                    std::thread other([&] {
                                      while (!stop) {
                                        const std::lock_guard first(ours);
                                        const std::lock_guard second(joined);
                                      }
                                    });
                                    std::thread another([&] {
                                      while (!stop) const std::lock_guard only(joined);
                                    });
                                    bool good = true;
                                    for (int i = 0; i < 50 && good; ++i) {
                                      good = in_fork([&] {
                                        const std::lock_guard first(joined);
                                        const std::lock_guard second(ours);
                                        return true;
                                      });
                                    }
                                    stop = true;
                                    other.join();
                                    another.join();
                                    expect(good);
                                  }};

const test::child_program destroyed{"fork_mutexes_destroyed", [] {
                                      for (int order = 0; order < 3; ++order) {
                                        std::optional<os::fork_mutex> mutexes[3];
                                        for (auto& each : mutexes) {
                                          each.emplace();
                                          const std::lock_guard lock(*each);
                                        }
                                        mutexes[order].reset();
                                        expect(in_fork([&] {
                                          for (auto& each : mutexes) {
                                            if (!each) continue;
                                            if (!each->try_lock()) return false;
                                            each->unlock();
                                          }
                                          return true;
                                        }));
                                      }
                                      expect(in_fork([] { return true; }));
                                    }};

const test::child_program held{"fork_mutexes_held_by_the_forking_thread", [] {
                                 os::fork_mutex mine;
                                 os::fork_mutex free;
                                 mine.lock();
                                 expect(in_fork([&] {
                                   if (!free.try_lock()) return false;
                                   free.unlock();
                                   std::thread([&] { expect(!mine.try_lock()); }).join();
                                   mine.unlock();
                                   if (!mine.try_lock()) return false;
                                   mine.unlock();
                                   return true;
                                 }));
                                 mine.unlock();
                                 expect(mine.try_lock());
                                 mine.unlock();
                               }};

}  // namespace

BOOST_AUTO_TEST_SUITE(fork_mutexes)

BOOST_AUTO_TEST_CASE(a_thread_may_fork_while_it_holds_one) {
  const auto outcome = test::run_child("fork_mutexes_held_by_the_forking_thread");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}

BOOST_AUTO_TEST_CASE(what_other_threads_lock_is_free_and_whole_in_a_child) {
  const auto outcome = test::run_child("fork_mutexes_taken_by_others");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}

BOOST_AUTO_TEST_CASE(locks_that_joined_them_are_taken_with_them_in_any_order) {
  const auto outcome = test::run_child("fork_locks_waited_for_under_fork_mutexes");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}

BOOST_AUTO_TEST_CASE(mutexes_that_are_gone_are_not_waited_for) {
  const auto outcome = test::run_child("fork_mutexes_destroyed");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}

BOOST_AUTO_TEST_SUITE_END()
