#include <allot/os/run_program.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "support/child.hpp"

using namespace allot;

namespace {

os::program_end run_script(const std::string& script, const std::string& name = "", const std::string& value = "") {
  os::program_call call;
  call.file = "/bin/sh";
  call.arguments = {"sh", "-c", script};
  if (!name.empty()) call.environment = {{name, value}};
  return os::run_program(call);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(run_program)

BOOST_AUTO_TEST_CASE(exit_codes_and_signals_are_told) {
  const os::program_end ended = run_script("exit 3");
  BOOST_TEST(static_cast<bool>(ended.outcome));
  BOOST_TEST(ended.process > 0);
  BOOST_TEST(ended.exit_code == 3);
  BOOST_TEST(ended.signal_taken == 0);
  BOOST_TEST(run_script("kill -9 $$").signal_taken == SIGKILL);
}

BOOST_AUTO_TEST_CASE(the_environment_is_that_of_this_process_but_for_what_is_said) {
  ::setenv("ALLOT_TEST_KEPT", "kept", 1);
  ::setenv("ALLOT_TEST_CHANGED", "before", 1);
  BOOST_TEST(run_script("test $ALLOT_TEST_KEPT = kept -a $ALLOT_TEST_CHANGED = 'a=b'", "ALLOT_TEST_CHANGED", "a=b")
                 .exit_code == 0);
  os::program_call call;
  call.file = "/bin/sh";
  call.arguments = {"sh", "-c", "test -z \"${ALLOT_TEST_KEPT+set}\""};
  call.environment = {{"ALLOT_TEST_KEPT", std::nullopt}};
  BOOST_TEST(os::run_program(call).exit_code == 0);
  ::unsetenv("ALLOT_TEST_KEPT");
  ::unsetenv("ALLOT_TEST_CHANGED");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_started_is_told) {
  if (test::under_emulator()) return test::skip("the emulator loses why a program cannot be started");
  os::program_call call;
  call.file = "/no/such/program";
  call.arguments = {"program"};
  const os::program_end ended = os::run_program(call);
  BOOST_TEST(!ended.outcome);
  BOOST_TEST(ended.outcome.os_code == ENOENT);
}

BOOST_AUTO_TEST_CASE(an_ignored_end_of_children_is_heard_of_all_the_same) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  BOOST_TEST(run_script("exit 4").exit_code == 4);
  BOOST_TEST((std::signal(SIGCHLD, before) == SIG_IGN));
}

BOOST_AUTO_TEST_CASE(the_program_has_the_signals_that_this_process_had) {
  BOOST_TEST(run_script("kill -s TERM $$").signal_taken == SIGTERM);
}

BOOST_AUTO_TEST_CASE(the_path_of_this_program_leads_to_it) {
  const std::string path = os::path_of_this_program();
  if (path.empty()) return test::skip("the system does not tell");
  BOOST_TEST(std::filesystem::exists(path));
  BOOST_TEST(std::filesystem::path(path).filename().string().find("os_test") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
