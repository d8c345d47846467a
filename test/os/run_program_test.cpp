#include <allot/os/run_program.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/child.hpp"
#include "support/environment.hpp"

using namespace allot;
using settings = std::vector<std::pair<std::string, std::optional<std::string>>>;

namespace {

constexpr int as_expected = 4;
constexpr int not_as_expected = 5;

bool holds(const char* name, const std::string& value) {
  const char* const found = std::getenv(name);
  return found != nullptr && found == value;
}

const test::child_program ends_with_three{"run_program_three", [] { std::_Exit(3); }};

const std::string difficult_value = "a=b \"c\" %PATH% $HOME";
const test::child_program looks_at_environment{"run_program_environment", [] {
                                                 const bool right = holds("ALLOT_TEST_KEPT", "kept") &&
                                                                    holds("ALLOT_TEST_CHANGED", difficult_value) &&
                                                                    std::getenv("ALLOT_TEST_TAKEN") == nullptr;
                                                 std::_Exit(right ? as_expected : not_as_expected);
                                               }};

// What shells and command lines take apart, and what they must not.
const std::vector<std::string> difficult_arguments = {
    "name of it", "",        " ",    "two words", "tab\tline\nend",  "\"",    "a\"b",
    "\\",         "\\\\ \\", "\\\"", "c:\\dir\\", "'*' $HOME ^&|<>", "%PATH%"};
const test::child_program looks_at_arguments{
    "run_program_arguments",
    [] { std::_Exit(test::arguments() == difficult_arguments ? as_expected : not_as_expected); }};

/// Runs this program again, as run_child() does.
os::program_end run_this(const std::string& child, settings environment = {},
                         std::vector<std::string> arguments = {"os_test"}) {
  os::program_call call;
  call.file = test::program();
  call.arguments = std::move(arguments);
  call.environment = std::move(environment);
  call.environment.emplace_back(test::child_variable, child);
  return os::run_program(call);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(run_program)

BOOST_AUTO_TEST_CASE(exit_codes_are_told) {
  if (!test::starts_its_kind()) return test::skip(test::does_not_start_its_kind);
  const os::program_end ended = run_this("run_program_three");
  BOOST_TEST(static_cast<bool>(ended.outcome));
  BOOST_TEST(ended.process > 0);
  BOOST_TEST(ended.exit_code == 3);
  BOOST_TEST(ended.signal_taken == 0);
}

BOOST_AUTO_TEST_CASE(the_environment_is_that_of_this_process_but_for_what_is_said) {
  if (!test::starts_its_kind()) return test::skip(test::does_not_start_its_kind);
  test::set_variable("ALLOT_TEST_KEPT", "kept");
  test::set_variable("ALLOT_TEST_CHANGED", "before");
  test::set_variable("ALLOT_TEST_TAKEN", "taken");
  const os::program_end ended = run_this("run_program_environment",
                                         {{"ALLOT_TEST_CHANGED", difficult_value}, {"ALLOT_TEST_TAKEN", std::nullopt}});
  for (const char* each : {"ALLOT_TEST_KEPT", "ALLOT_TEST_CHANGED", "ALLOT_TEST_TAKEN"})
    test::set_variable(each, nullptr);
  BOOST_TEST(ended.exit_code == as_expected);
}

BOOST_AUTO_TEST_CASE(arguments_arrive_as_they_were_given) {
  if (!test::starts_its_kind()) return test::skip(test::does_not_start_its_kind);
  BOOST_TEST(run_this("run_program_arguments", {}, difficult_arguments).exit_code == as_expected);
  BOOST_TEST(run_this("run_program_arguments", {}, {"another"}).exit_code == not_as_expected);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_started_is_told) {
  if (!test::starts_its_kind()) return test::skip("the emulator loses why a program cannot be started");
  os::program_call call;
  call.file = "/no/such/program";
  call.arguments = {"program"};
  const os::program_end ended = os::run_program(call);
  BOOST_TEST(!ended.outcome);
#if defined(_WIN32)
  constexpr int path_not_found = 3;
  BOOST_TEST(ended.outcome.os_code == path_not_found);
#else
  BOOST_TEST(ended.outcome.os_code == ENOENT);
#endif
}

BOOST_AUTO_TEST_CASE(the_path_of_this_program_leads_to_it) {
  const std::string path = os::path_of_this_program();
  if (path.empty()) return test::skip("the system does not tell");
  BOOST_TEST(std::filesystem::exists(path));
  BOOST_TEST(std::filesystem::path(path).filename().string().find("os_test") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
