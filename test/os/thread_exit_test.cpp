#include <allot/os/thread_exit.hpp>
#include <allot/os/virtual_memory.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "support/child.hpp"
#include "support/machine.hpp"

using namespace allot;

namespace {

/// Writes its name to a log when it runs, and may go on registering.
struct logging_hook : os::thread_exit_hook {
  explicit logging_hook(std::string& where, char what) : os::thread_exit_hook(&run), log(where), name(what) {}

  static void run(os::thread_exit_hook& self) noexcept {
    auto& hook = static_cast<logging_hook&>(self);
    hook.log += hook.name;
    if (hook.again != 0) {
      --hook.again;
      if (!os::at_thread_exit(hook)) hook.log += '!';
    }
    if (hook.another != nullptr && !os::at_thread_exit(*hook.another)) hook.log += '!';
  }

  std::string& log;
  char name;
  int again = 0;
  logging_hook* another = nullptr;
};

struct thread_local_object {
  std::string* log = nullptr;
  char name = 0;
  ~thread_local_object() {
    if (log != nullptr) *log += name;
  }
};

template <class Work>
void in_thread(Work work) {
  std::thread(std::move(work)).join();
}

const test::child_program main_thread{
    "hook_of_the_main_thread", [] {
      static os::thread_exit_hook hook([](os::thread_exit_hook&) noexcept { os::write_error_output("ran", 3); });
      if (!os::at_thread_exit(hook)) os::write_error_output("refused", 7);
    }};

static_assert(!std::is_copy_constructible_v<os::thread_exit_hook>);

}  // namespace

BOOST_AUTO_TEST_SUITE(thread_exits)

BOOST_AUTO_TEST_CASE(hooks_run_once_in_the_opposite_order_of_their_registration) {
  std::string log;
  logging_hook a(log, 'a');
  logging_hook b(log, 'b');
  logging_hook c(log, 'c');
  bool accepted = true;
  in_thread([&] {
    for (logging_hook* hook : {&a, &b, &c}) accepted = static_cast<bool>(os::at_thread_exit(*hook)) && accepted;
    log += '|';
  });
  BOOST_TEST(accepted);
  BOOST_TEST(log == "|cba");
}

BOOST_AUTO_TEST_CASE(hooks_run_after_the_destructors_of_thread_local_objects) {
  if (test::frees_thread_variables_early()) return test::skip(test::thread_variables_are_gone);
  std::string log;
  logging_hook hook(log, 'h');
  in_thread([&] {
    thread_local thread_local_object before;
    before.log = &log;
    before.name = 'b';
    (void)os::at_thread_exit(hook);
    thread_local thread_local_object after;
    after.log = &log;
    after.name = 'a';
  });
  BOOST_TEST(log == "abh");
}

BOOST_AUTO_TEST_CASE(a_thread_local_destructor_may_register_a_hook) {
  if (test::frees_thread_variables_early()) return test::skip(test::thread_variables_are_gone);
  struct registers {
    logging_hook* hook = nullptr;
    ~registers() {
      if (hook != nullptr) (void)os::at_thread_exit(*hook);
    }
  };
  std::string log;
  logging_hook hook(log, 'h');
  in_thread([&] {
    thread_local registers at_end;
    at_end.hook = &hook;
  });
  BOOST_TEST(log == "h");
}

BOOST_AUTO_TEST_CASE(a_hook_that_registers_itself_again_runs_again) {
  std::string log;
  logging_hook hook(log, 'h');
  hook.again = 1;
  in_thread([&] { (void)os::at_thread_exit(hook); });
  BOOST_TEST(log == "hh");
}

BOOST_AUTO_TEST_CASE(a_hook_may_register_another_while_others_wait) {
  std::string log;
  logging_hook a(log, 'a');
  logging_hook b(log, 'b');
  logging_hook late(log, 'l');
  b.another = &late;
  in_thread([&] {
    (void)os::at_thread_exit(a);
    (void)os::at_thread_exit(b);
  });
  BOOST_TEST(log.size() == 3u);  // each of them once; where the late one comes is not stated
  BOOST_TEST(log.find('b') < log.find('a'));
  BOOST_TEST(log.find('b') < log.find('l'));
}

BOOST_AUTO_TEST_CASE(a_hook_may_free_itself) {
  static std::atomic<int> freed;
  freed = 0;
  struct owned : os::thread_exit_hook {
    owned() : os::thread_exit_hook([](os::thread_exit_hook& self) noexcept { delete static_cast<owned*>(&self); }) {}
    ~owned() { ++freed; }
  };
  in_thread([] {
    for (int i = 0; i < 5; ++i) (void)os::at_thread_exit(*new owned);
  });
  BOOST_TEST(freed == 5);
}

BOOST_AUTO_TEST_CASE(hooks_of_several_threads_are_independent) {
  constexpr std::size_t threads = 8;
  std::array<std::string, threads> logs;
  std::vector<std::unique_ptr<logging_hook>> hooks;
  for (std::size_t i = 0; i < threads; ++i)
    for (const char name : {'a', 'b', 'c'}) hooks.push_back(std::make_unique<logging_hook>(logs[i], name));
  std::vector<std::thread> running;
  std::atomic<std::size_t> registered{0};
  for (std::size_t i = 0; i < threads; ++i)
    running.emplace_back([&, i] {
      for (std::size_t j = 0; j < 3; ++j) (void)os::at_thread_exit(*hooks[3 * i + j]);
      for (++registered; registered != threads;) std::this_thread::yield();
      logs[i] += static_cast<char>('0' + i);  // a hook of this thread never runs before its end
    });
  for (std::thread& thread : running) thread.join();
  for (std::size_t i = 0; i < threads; ++i) BOOST_TEST(logs[i] == std::string(1, static_cast<char>('0' + i)) + "cba");
}

BOOST_AUTO_TEST_CASE(hooks_of_the_main_thread_do_not_run_when_the_program_leaves_main) {
  const auto outcome = test::run_child("hook_of_the_main_thread");
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(outcome.output == "");
}

BOOST_AUTO_TEST_SUITE_END()
