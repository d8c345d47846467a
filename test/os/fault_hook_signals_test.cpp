#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <allot/core/misuse.hpp>
#include <allot/os/fault_hook.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <optional>

#include "os/fault_hooks.hpp"
#include "support/access.hpp"
#include "support/child.hpp"

using namespace allot;
using test::first_name;
using test::hook_calls;
using test::inaccessible_page;
using test::second_name;
using test::tell;
using test::touch;

namespace {

void set_handler(int number, void (*handler)(int), int flags = 0) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  ::sigaction(number, &action, nullptr);
}

void say_and_exit(int) {
  write_diagnostic("the handler before");
  ::_exit(3);
}

sigjmp_buf back;
void go_back(int) { siglongjmp(back, 1); }

const test::child_program previous_child{"fault_hook_previous", [] {
                                           set_handler(SIGSEGV, &say_and_exit);
                                           const os::fault_hook first(&tell, first_name);
                                           touch(inaccessible_page());
                                         }};
/// Like a runtime that turns faults into exceptions: each of three faults is taken back.
void recover(int handler_flags, int save_mask) {
  set_handler(SIGSEGV, &go_back, handler_flags);
  const os::fault_hook first(&tell, first_name);
  char* const p = inaccessible_page();
  volatile int rounds = 0;
  if (sigsetjmp(back, save_mask) != 0) rounds = rounds + 1;
  if (rounds < 3) touch(p);
  ::_exit(hook_calls == 3 ? 0 : 1);
}
const test::child_program recovering_child{"fault_hook_recovering", [] { recover(0, 1); }};
// With SA_NODEFER the signal is not blocked in the handler, so its mask need not be restored.
const test::child_program no_defer_child{"fault_hook_no_defer", [] { recover(SA_NODEFER, 0); }};
const test::child_program once_child{"fault_hook_reset_hand", [] {
                                       set_handler(SIGSEGV, &go_back, static_cast<int>(SA_RESETHAND | SA_NODEFER));
                                       const os::fault_hook first(&tell, first_name);
                                       char* const p = inaccessible_page();
                                       if (sigsetjmp(back, 1) != 0) write_diagnostic("back once");
                                       touch(p);
                                     }};
const test::child_program sent_child{"fault_hook_sent", [] {
                                       set_handler(SIGSEGV, SIG_DFL);
                                       const os::fault_hook first(&tell, first_name);
                                       ::raise(SIGSEGV);
                                     }};
const test::child_program bus_child{"fault_hook_bus", [] {
                                      set_handler(SIGBUS, &say_and_exit);
                                      const os::fault_hook first(&tell, first_name);
                                      char path[] = "/tmp/allot_test_XXXXXX";
                                      const int file = ::mkstemp(path);
                                      ::unlink(path);
                                      // Behind the end of the file there is nothing to map.
                                      void* const p =
                                          ::mmap(nullptr, test::system_page_size(), PROT_READ, MAP_SHARED, file, 0);
                                      test::expected_address = p;
                                      (void)*static_cast<volatile char*>(p);
                                    }};

struct sigaction on_top_of = {};
void on_top(int number, siginfo_t* info, void* context) {
  write_diagnostic("the handler on top");
  on_top_of.sa_sigaction(number, info, context);
}
const test::child_program topped_child{"fault_hook_topped", [] {
                                         set_handler(SIGSEGV, &say_and_exit);
                                         std::optional<os::fault_hook> first(std::in_place, &tell, first_name);
                                         struct sigaction action = {};
                                         action.sa_sigaction = &on_top;
                                         action.sa_flags = SA_SIGINFO;
                                         ::sigaction(SIGSEGV, &action, &on_top_of);
                                         first.reset();
                                         const os::fault_hook second(&tell, second_name);
                                         touch(inaccessible_page());
                                       }};

}  // namespace

BOOST_AUTO_TEST_SUITE(fault_hook_signals)

BOOST_AUTO_TEST_CASE(the_handler_before_is_called_after_the_hooks) {
  const auto outcome = test::run_child("fault_hook_previous");
  BOOST_TEST(outcome.exit_code == 3);
  BOOST_TEST(outcome.says("the first hook\nat the address expected\nthe handler before\n"));
}

BOOST_AUTO_TEST_CASE(hooks_are_called_again_after_a_handler_that_recovers) {
  BOOST_TEST(test::run_child("fault_hook_recovering").exit_code == 0);
  BOOST_TEST(test::run_child("fault_hook_no_defer").exit_code == 0);
}

BOOST_AUTO_TEST_CASE(a_handler_that_is_to_be_called_once_is_called_once) {
  const auto outcome = test::run_child("fault_hook_reset_hand");
  BOOST_TEST(outcome.faulted());
  BOOST_TEST(outcome.says("back once\nthe first hook"));
}

BOOST_AUTO_TEST_CASE(a_signal_somebody_sent_calls_no_hook_and_has_its_usual_effect) {
  const auto outcome = test::run_child("fault_hook_sent");
  BOOST_TEST(outcome.signal == SIGSEGV);
  BOOST_TEST(!outcome.says("the first hook"));
}

BOOST_AUTO_TEST_CASE(bus_errors_are_faults) {
  if (test::emulates_large_pages()) return test::skip(test::fails_within_pages);
  const auto outcome = test::run_child("fault_hook_bus");
  BOOST_TEST(outcome.exit_code == 3);
  BOOST_TEST(outcome.says("the first hook\n"));
  BOOST_TEST(outcome.says("the handler before\n"));
  // Of bus errors the emulator tells its own address.
  if (!test::under_emulator())
    BOOST_TEST(outcome.says("the first hook\nat the address expected\nthe handler before\n"));
}

BOOST_AUTO_TEST_CASE(a_handler_put_on_top_stays_and_makes_no_circle) {
  const auto outcome = test::run_child("fault_hook_topped");
  BOOST_TEST(outcome.exit_code == 3);
  BOOST_TEST(outcome.says("the handler on top\nthe second hook\nat the address expected\nthe handler before\n"));
}

BOOST_AUTO_TEST_CASE(the_last_hook_gives_the_signals_back) {
  for (const int number : {SIGSEGV, SIGBUS}) {
    struct sigaction before = {};
    struct sigaction during = {};
    struct sigaction after = {};
    ::sigaction(number, nullptr, &before);
    {
      const os::fault_hook first(&tell, first_name);
      const os::fault_hook second(&tell, second_name);
      ::sigaction(number, nullptr, &during);
    }
    ::sigaction(number, nullptr, &after);
    BOOST_TEST((during.sa_sigaction != before.sa_sigaction));
    BOOST_TEST((after.sa_sigaction == before.sa_sigaction));
    BOOST_TEST(after.sa_flags == before.sa_flags);
  }
}

BOOST_AUTO_TEST_SUITE_END()
