// What is the same for all subcommands.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tool/run_tool.hpp"

using namespace allot::test;

namespace {

/// One line, said to be of this program.
bool is_one_error_line(const std::string& text) {
  return text.rfind("allot: ", 0) == 0 && text.find('\n') == text.size() - 1;
}

/// The program itself, in a shell, which gives its exit code.
int shell(const std::string& line) {
  const int status = std::system(line.c_str());
  return status >= 0 && status % 256 == 0 ? status / 256 : -1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frame)

BOOST_AUTO_TEST_CASE(help_lists_subcommands_and_exit_codes_and_each_subcommand_has_its_own) {
  const tool_outcome help = run_tool({"--help"});
  BOOST_TEST(help.code == 0);
  BOOST_TEST(help.errors == "");
  for (const char* name :
       {"record", "replay", "compare", "recommend", "check-config", "strategies", "show", "export", "completion"}) {
    BOOST_TEST(help.prints("\n  " + std::string(name)), name);
    const tool_outcome own = run_tool({name, "--help"});
    BOOST_TEST(own.code == 0);
    BOOST_TEST(own.prints("Usage: allot " + std::string(name)), own.out);
  }
  for (const char* code :
       {"    0 ", "    1 ", "   64 ", "   65 ", "   66 ", "   70 ", "   73 ", "   78 ", "  126 ", "  127 "})
    BOOST_TEST(help.prints(code), code);
}

BOOST_AUTO_TEST_CASE(the_version_is_told_in_words_and_as_json) {
  BOOST_TEST(run_tool({"--version"}).out ==
             "allot " + run_tool({"--json", "--version"}).value()["version"].get<std::string>() + "\n");
}

BOOST_AUTO_TEST_CASE(wrong_usage_is_one_line_and_64) {
  const std::vector<std::vector<std::string>> wrong{{},
                                                    {"nonsense"},
                                                    {"--nonsense"},
                                                    {"replay"},
                                                    {"replay", "a.trace"},
                                                    {"replay", "a.trace", "--config"},
                                                    {"compare", "a.trace", "--rounds", "0"},
                                                    {"compare", "a.trace", "--rounds", "many"},
                                                    {"compare", "a.trace", "--content", "eaten"},
                                                    {"compare", "a.trace", "--only-configs"},
                                                    {"recommend", "a.trace", "--for", "fun"},
                                                    {"strategies", "a", "b"},
                                                    {"strategies", "no such strategy"},
                                                    {"check-config"},
                                                    {"completion", "tcsh"},
                                                    {"record", "-o", "a.trace"},
                                                    {"record", "--", "true"},
                                                    {"record", "-o", "a.trace", "true"}};
  for (const std::vector<std::string>& each : wrong) {
    const tool_outcome done = run_tool(each);
    BOOST_TEST_CONTEXT((each.empty() ? "nothing" : each.back())) {
      BOOST_TEST(done.code == 64);
      BOOST_TEST(is_one_error_line(done.errors), done.errors);
      BOOST_TEST(done.out == "");
    }
  }
  BOOST_TEST(run_tool({"nonsense"}).says("recommend"));  // what there is
}

BOOST_AUTO_TEST_CASE(errors_are_json_too_with_their_place_wherever_the_option_stands) {
  const auto error = [](const std::vector<std::string>& arguments) {
    const tool_outcome done = run_tool(arguments);
    BOOST_TEST(is_one_error_line(done.errors), done.errors);
    const nlohmann::json parts = done.value()["error"];
    BOOST_TEST(parts["exit_code"] == done.code);
    BOOST_TEST("allot: " + parts["message"].get<std::string>() + "\n" == done.errors);
    return parts;
  };
  BOOST_TEST(error({"--json", "nonsense"})["exit_code"] == 64);
  BOOST_TEST(error({"nonsense", "--json"})["exit_code"] == 64);
  const temporary_file config("config");
  const temporary_file trace("trace");
  const std::vector<std::string> replay{"replay", trace.path(), "--config", config.path(), "--json"};

  write_text(config.path(), "default = 'a'\n[resources.a]\nstrategy = 'pool'\n");
  const nlohmann::json wrong_config = error(replay);
  BOOST_TEST(wrong_config["exit_code"] == 78);
  BOOST_TEST(wrong_config["file"] == config.path());
  BOOST_TEST(wrong_config["line"] == 3);
  BOOST_TEST(wrong_config["column"] == 12);
  BOOST_TEST(wrong_config["key"] == "resources.a.strategy");

  write_text(config.path(), one_resource("pool_resource"));
  BOOST_TEST(error(replay)["exit_code"] == 66);  // there is no trace

  write_text(trace.path(), "this is no trace at all, and never was one");
  const nlohmann::json wrong_trace = error(replay);
  BOOST_TEST(wrong_trace["exit_code"] == 65);
  BOOST_TEST(wrong_trace["file"] == trace.path());
  BOOST_TEST(wrong_trace["offset"] == 0);
}

BOOST_AUTO_TEST_CASE(names_with_control_characters_forge_no_lines) {
  const tool_outcome done = run_tool({"check-config", "a\nallot: all is well"});
  BOOST_TEST(done.code == 66);
  BOOST_TEST(is_one_error_line(done.errors), done.errors);
  BOOST_TEST(run_tool({"check-config", "a\xff", "--json"}).value()["files"].size() == 1u);
}

BOOST_AUTO_TEST_CASE(colours_and_progress_are_for_terminals) {
  const temporary_file trace("trace");
  write_trace(trace.path());
  const std::vector<std::string> compare{"compare", trace.path(), "--rounds", "1"};
  BOOST_TEST(run_tool({"strategies"}).out.find('\x1b') == std::string::npos);
  BOOST_TEST(run_tool({"strategies"}, {true, false}).out.find('\x1b') != std::string::npos);
  BOOST_TEST(run_tool({"strategies", "--json"}, {true, false}).out.find('\x1b') == std::string::npos);
  BOOST_TEST(run_tool(compare).errors == "");
  const tool_outcome watched = run_tool(compare, {false, true});
  BOOST_TEST(watched.says("\rreading "));
  BOOST_TEST(watched.says("\rreplaying "));
  BOOST_TEST(watched.errors.substr(watched.errors.size() - 4) == "\r\x1b[K");
  std::vector<std::string> quiet = compare;
  quiet.push_back("--no-progress");
  BOOST_TEST(run_tool(quiet, {false, true}).errors == "");
}

BOOST_AUTO_TEST_CASE(the_program_itself_ends_with_these_codes_and_no_escapes_reach_files) {
  const std::string program = ALLOT_PROGRAM;
  BOOST_TEST(shell(program + " --version > /dev/null") == 0);
  BOOST_TEST(shell(program + " nonsense 2> /dev/null") == 64);
  const temporary_file out("out");
  BOOST_TEST(shell(program + " strategies > " + out.path()) == 0);
  BOOST_TEST(text_of(out.path()).find("\npool_resource ") != std::string::npos);
  BOOST_TEST(text_of(out.path()).find('\x1b') == std::string::npos);
  if (std::filesystem::exists("/dev/full")) BOOST_TEST(shell(program + " strategies > /dev/full 2> /dev/null") == 73);
}

BOOST_AUTO_TEST_SUITE_END()
