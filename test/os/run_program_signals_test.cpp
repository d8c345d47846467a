#include <allot/os/run_program.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <string>

using namespace allot;

namespace {

os::program_end run_script(const std::string& script) {
  os::program_call call;
  call.file = "/bin/sh";
  call.arguments = {"sh", "-c", script};
  return os::run_program(call);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(run_program_signals)

BOOST_AUTO_TEST_CASE(signals_that_end_it_are_told) {
  const os::program_end ended = run_script("kill -9 $$");
  BOOST_TEST(static_cast<bool>(ended.outcome));
  BOOST_TEST(ended.signal_taken == SIGKILL);
  const os::program_end by_itself = run_script("exit 3");
  BOOST_TEST(by_itself.exit_code == 3);
  BOOST_TEST(by_itself.signal_taken == 0);
}

BOOST_AUTO_TEST_CASE(an_ignored_end_of_children_is_heard_of_all_the_same) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  BOOST_TEST(run_script("exit 4").exit_code == 4);
  BOOST_TEST((std::signal(SIGCHLD, before) == SIG_IGN));
}

BOOST_AUTO_TEST_CASE(the_program_has_the_signals_that_this_process_had) {
  BOOST_TEST(run_script("kill -s TERM $$").signal_taken == SIGTERM);
}

BOOST_AUTO_TEST_SUITE_END()
