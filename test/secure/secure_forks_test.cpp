// Secure resources in child processes, by policy.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <allot/core/allocation_error.hpp>
#include <allot/secure/secure_resource.hpp>
#include <allot/secure/secure_scratch.hpp>
#include <allot/secure/synchronized_secure_resource.hpp>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <optional>
#include <vector>

#include "secure/secure_threats.hpp"
#include "support/bytes.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"
#include "support/with_code.hpp"
#include "support/worker.hpp"

using namespace allot;
using namespace allot::test;

namespace {

struct child_end {
  int code;    // -1: by a signal
  int signal;  // 0: none
};
/// Forks; how the child ended that did `work` and left with what it gave.
child_end in_fork(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    for (const int each : {SIGSEGV, SIGBUS, SIGABRT}) std::signal(each, SIG_DFL);
    ::alarm(20);
    ::_exit(work());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0};
}
bool died(const child_end& end) { return end.signal == SIGSEGV || end.signal == SIGBUS; }

secure_options forked_as(fork_policy policy, secure_level level = secure_level::hardened) {
  secure_options options = subject_at(level);
  options.fork = policy;
  return options;
}

bool can(fork_policy policy) {
  secure_resource memory(forked_as(policy));
  void* const p = memory.try_allocate(8, 8);
  if (p != nullptr) memory.deallocate(p, 8, 8);
  return p != nullptr;
}

/// In a child: whether each of these is reported as use in a child, and none does anything.
template <class Resource>
int report_every_use(Resource& memory, void* p) {
  const misuse_watch watch;
  const auto reported = [&] { return watch.only(misuse_kind::used_after_fork); };
  if (memory.try_allocate(64, 8) != nullptr || !reported()) return 1;
  memory.deallocate(p, 64, 8);
  if (!reported()) return 2;
  if (memory.try_expand(p, 64, 60, 8) || !reported()) return 3;
  bool threw = false;
  try {
    (void)memory.allocate(64, 8);
  } catch (const allocation_error&) {
    threw = true;
  }
  if (!threw || !reported()) return 4;
  return 0;
}

const child_program forked_in_first_call{"secure_forked_in_first_call", [] {
                                           synchronized_secure_resource memory(forked_as(fork_policy::inherit));
                                           std::atomic<bool> ended{false};
                                           worker other;
                                           other.start([&] {
                                             while (!ended) memory.deallocate(memory.allocate(64, 8), 64, 8);
                                           });
                                           const child_end end = in_fork([&] {
                                             ::alarm(2);
                                             memory.deallocate(memory.allocate(64, 8), 64, 8);
                                             return 0;
                                           });
                                           ended = true;
                                           other.wait();
                                           if (end.code != 0) std::exit(1);
                                         }};

}  // namespace

BOOST_AUTO_TEST_SUITE(secure_forks)

BOOST_AUTO_TEST_CASE(a_child_has_no_locks) {
  secure_options options = forked_as(fork_policy::inherit);
  options.lock = wish::attempt;
  secure_resource memory(options);
  fill(get(memory, 64), 64, 1);
  secure_scratch_options kept;
  kept.lock = wish::attempt;
  secure_scratch scratch(kept);
  const secure_scratch::scope scope(scratch);
  fill(get(scratch, 64), 64, 1);
  if (memory.report().locked_bytes == 0 || !scratch.locked()) return skip("nothing may be locked here");
  const child_end end = in_fork([&] {
    if (scratch.locked()) return 1;
    if (memory.report().locked_bytes != 0) return 2;
    return 0;
  });
  BOOST_TEST(end.code == 0);
  BOOST_TEST(scratch.locked());
  BOOST_TEST(memory.report().locked_bytes != 0u);
}

BOOST_AUTO_TEST_CASE(an_inherited_resource_can_be_seen_and_used_in_a_child) {
  secure_resource memory(forked_as(fork_policy::inherit));
  unsigned char* const p = get(memory, 64);
  fill(p, 64, 7);
  const child_end end = in_fork([&] {
    if (!all_are(p, 64, 7) || !memory.check()) return 1;
    unsigned char* const q = get(memory, 64);
    fill(q, 64, 8);
    memory.deallocate(p, 64, 8);
    memory.deallocate(q, 64, 8);
    return memory.check() && memory.usage().used == 0 ? 0 : 2;
  });
  BOOST_TEST(end.code == 0);
  BOOST_TEST(all_are(p, 64, 7));
  memory.deallocate(p, 64, 8);
}

BOOST_AUTO_TEST_CASE(a_child_draws_other_places_and_canaries_than_its_parent_and_its_siblings) {
  if (under_thread_sanitizer()) return skip("ThreadSanitizer");
  secure_resource memory(forked_as(fork_policy::inherit));
  for (int i = 0; i < 50; ++i) (void)memory.allocate(64, 8);
  using drawn = std::array<std::uintptr_t, 16>;
  const auto draw = [&] {
    drawn places{};
    for (auto& each : places) each = reinterpret_cast<std::uintptr_t>(memory.allocate(64, 8));
    return places;
  };
  std::vector<drawn> seen;
  for (int child = 0; child < 3; ++child) {
    std::array<int, 2> ends{};
    BOOST_REQUIRE(::pipe(ends.data()) == 0);
    (void)in_fork([&] {
      const drawn places = draw();
      return ::write(ends[1], places.data(), sizeof(places)) == sizeof(places) ? 0 : 1;
    });
    drawn places{};
    BOOST_REQUIRE(::read(ends[0], places.data(), sizeof(places)) == sizeof(places));
    ::close(ends[0]);
    ::close(ends[1]);
    seen.push_back(places);
  }
  seen.push_back(draw());
  for (std::size_t i = 0; i < seen.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) BOOST_TEST((seen[i] != seen[j]));
}

BOOST_AUTO_TEST_CASE(a_wiped_resource_reads_zero_in_a_child_and_its_use_is_reported) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::advice);
  if (!can(fork_policy::wipe)) return skip("this system does not wipe pages for children");
  for (const named_level& at : every_level) {
    secure_resource memory(forked_as(fork_policy::wipe, at.level));
    unsigned char* const p = get(memory, 64);
    unsigned char* const large = get(memory, mebibyte);
    fill(p, 64, 7);
    fill(large, mebibyte, 7);
    const child_end end = in_fork([&] {
      if (!all_are(p, 64, 0) || !all_are(large, mebibyte, 0)) return 10;
      return report_every_use(memory, p);
    });
    BOOST_TEST(end.code == 0, at.name << ": " << end.code << ", signal " << end.signal);
    BOOST_TEST(all_are(p, 64, 7));
    memory.deallocate(p, 64, 8);
    memory.deallocate(large, mebibyte, 8);
  }
}

BOOST_AUTO_TEST_CASE(a_denied_resource_faults_in_a_child_and_its_use_is_reported) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::advice);
  if (test::under_thread_sanitizer())
    return test::skip("ThreadSanitizer maps memory of its own where a child has none");
  if (!can(fork_policy::deny)) return skip("this system does not keep pages from children");
  for (const named_level& at : every_level) {
    synchronized_secure_resource memory(forked_as(fork_policy::deny, at.level));
    unsigned char* const p = get(memory, 64);
    unsigned char* const large = get(memory, mebibyte);
    const child_end used = in_fork([&] { return report_every_use(memory, p); });
    BOOST_TEST(used.code == 0, at.name << ": " << used.code << ", signal " << used.signal);
    BOOST_TEST(in_fork([&] { return in_reach(p) || in_reach(large); }).code == 0);
    if (!memory_tools::active() && !under_thread_sanitizer()) BOOST_TEST(died(in_fork([&] { return int{peek(p)}; })));
    memory.deallocate(p, 64, 8);
    memory.deallocate(large, mebibyte, 8);
    BOOST_TEST(memory.check());
  }
}

BOOST_AUTO_TEST_CASE(a_withheld_resource_can_be_destroyed_in_a_child) {
  for (const fork_policy policy : {fork_policy::wipe, fork_policy::deny}) {
    if (!can(policy)) return skip("this system has no such policy");
    for (const named_level& at : every_level) {
      std::optional<secure_resource> memory(std::in_place, forked_as(policy, at.level));
      unsigned char* const p = get(*memory, 64);
      const child_end end = in_fork([&] {
        const misuse_watch watch;
        memory.reset();
        return watch.nothing() ? 0 : 1;
      });
      BOOST_TEST(end.code == 0, at.name << ": " << end.code << ", signal " << end.signal);
      memory->deallocate(p, 64, 8);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_resource_made_in_a_child_is_like_any_other) {
  for (const fork_policy policy : {fork_policy::inherit, fork_policy::wipe, fork_policy::deny}) {
    if (!can(policy)) continue;
    const child_end end = in_fork([&] {
      secure_resource memory(forked_as(policy));
      unsigned char* const p = get(memory, 64);
      fill(p, 64, 1);
      memory.deallocate(p, 64, 8);
      return memory.check() ? 0 : 1;
    });
    BOOST_TEST(end.code == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_policy_the_system_does_not_know_refuses_allocations_and_one_of_the_level_is_noted) {
  bool all_known = true;
  for (const fork_policy policy : {fork_policy::wipe, fork_policy::deny}) {
    if (can(policy)) continue;
    all_known = false;
    secure_resource memory(forked_as(policy));
    BOOST_CHECK_EXCEPTION((void)memory.allocate(64, 8), allocation_error, with_code(memory_errc::not_supported));
  }
  secure_resource memory(subject_at(secure_level::paranoid));
  void* const p = memory.allocate(64, 8);
  BOOST_TEST((memory.report().fork_refusals == 0u) == can(fork_policy::wipe));
  memory.deallocate(p, 64, 8);
  if (all_known) BOOST_TEST_MESSAGE("every policy is known here");
}

BOOST_AUTO_TEST_CASE(a_fork_while_another_thread_is_in_a_call_leaves_a_resource_that_works) {
  if (under_thread_sanitizer()) return skip("ThreadSanitizer does not follow forks of programs with threads");
  synchronized_secure_resource memory(forked_as(fork_policy::inherit));
  memory.deallocate(memory.allocate(64, 8), 64, 8);
  std::atomic<bool> ended{false};
  worker other;
  other.start([&] {
    while (!ended) memory.deallocate(memory.allocate(64, 8), 64, 8);
  });
  for (int i = 0; i < 20; ++i) {
    const child_end end = in_fork([&] {
      for (int k = 0; k < 100; ++k) memory.deallocate(memory.allocate(64, 8), 64, 8);
      return memory.check() ? 0 : 1;
    });
    BOOST_TEST(end.code == 0, "code " << end.code << ", signal " << end.signal);
  }
  ended = true;
  other.wait();
}

BOOST_AUTO_TEST_CASE(a_fork_while_another_thread_is_in_the_very_first_call_does_so_too) {
  if (under_thread_sanitizer()) return skip("ThreadSanitizer does not follow forks of programs with threads");
  for (int i = 0; i < 40; ++i) {
    const child_outcome outcome = run_child("secure_forked_in_first_call");
    BOOST_REQUIRE(outcome.exit_code == 0);
  }
}

BOOST_AUTO_TEST_SUITE_END()
