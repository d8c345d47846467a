// Which config liballot_preload.so takes, and what becomes of the program where it takes none.

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <string>

#include "preload/configs.hpp"
#include "preload/run.hpp"

using namespace allot::test;

namespace {

/// The program runs; one line says why not as it was meant to.
void expect_one_warning(const std::string& config, const std::string& saying) {
  for (const std::string& what : {program("family"), program("throws")}) {
    const run_outcome outcome = run_preloaded({what}, {{"ALLOT_CONFIG", config}});
    BOOST_TEST(outcome.exit_code == 0, outcome);
    BOOST_TEST(outcome.output == "all is well\n");
    BOOST_TEST(outcome.errors.find(saying) != std::string::npos, outcome);
    BOOST_TEST(outcome.error_lines() == 1u, outcome);
    BOOST_TEST(outcome.errors.find("; this program runs on the system's malloc\n") != std::string::npos, outcome);
  }
  for (const char* const strict : {"1", "yes"}) {
    const run_outcome outcome =
        run_preloaded({program("family")}, {{"ALLOT_CONFIG", config}, {"ALLOT_STRICT", strict}});
    BOOST_TEST(outcome.exit_code == 78, outcome);
    BOOST_TEST(outcome.error_lines() == 1u, outcome);
    BOOST_TEST(outcome.output.empty());
  }
  BOOST_TEST(run_preloaded({"true"}, {{"ALLOT_CONFIG", config}, {"ALLOT_STRICT", "0"}}).exit_code == 0);
}

std::string with_text(const temporary_file& file, const std::string& text) {
  std::ofstream(file.path()) << text;
  return file.path();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(preload_config)

BOOST_AUTO_TEST_CASE(a_config_that_is_not_there_is_told_once) {
  expect_one_warning("/no/such/file.toml", "/no/such/file.toml");
}

BOOST_AUTO_TEST_CASE(a_malformed_config_is_told_with_its_line) {
  const temporary_file file("config");
  expect_one_warning(with_text(file, "[resources.a]\nstrategy = \n"), ":2:");
}

BOOST_AUTO_TEST_CASE(an_unknown_strategy_is_told) {
  expect_one_warning(config_file("strategy = \"pool_resorce\"").path(), "/");
}

BOOST_AUTO_TEST_CASE(a_stack_that_cannot_serve_a_program_is_told) {
  for (const char* const stack : {"strategy = \"null_memory_resource\"",
                                  "strategy = \"limiting_resource\"\nlimit = \"64KiB\"\nupstream = \"pages\"\n"
                                  "[resources.pages]\nstrategy = \"page_resource\"\n[resources.malloc]\n"
                                  "strategy = \"limiting_resource\"\nlimit = 1000\nupstream = \"pages\""}) {
    const config_file config(stack);
    expect_one_warning(config.path(), "cannot serve a whole program");
  }
}

BOOST_AUTO_TEST_CASE(of_several_resources_the_one_named_malloc_serves_or_the_default) {
  const std::string two =
      "[resources.a]\nstrategy = \"general_resource\"\n[resources.b]\nstrategy = \"pool_resource\"\n";
  const temporary_file file("config");
  expect_one_warning(with_text(file, two), "default");
  const std::string limited =
      "strategy = \"limiting_resource\"\nlimit = \"32MiB\"\nupstream = { strategy = \"page_resource\" }\n";
  for (const std::string& text : {"default = \"c\"\n" + two + "[resources.c]\n" + limited,
                                  "default = \"a\"\n" + two + "[resources.malloc]\n" + limited}) {
    const run_outcome outcome =
        run_preloaded({program("throws"), "limited"}, {{"ALLOT_CONFIG", with_text(file, text)}});
    BOOST_TEST(outcome.ended_well(), text << outcome);
  }
}

BOOST_AUTO_TEST_CASE(programs_that_one_starts_say_nothing_more_of_the_same_config_but_of_another) {
  const run_outcome outcome =
      run_preloaded({"bash", "-c", "true; sh -c true; ALLOT_CONFIG=/no/other.toml sh -c true; ls / > /dev/null"},
                    {{"ALLOT_CONFIG", "/no/such.toml"}});
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(outcome.error_lines() == 2u, outcome);
  BOOST_TEST(outcome.errors.find("/no/other.toml") != std::string::npos, outcome);
}

BOOST_AUTO_TEST_SUITE_END()
