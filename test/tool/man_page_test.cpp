// What the manual page lists, against what the program has.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "command/command.hpp"
#include "support/child.hpp"
#include "tool/run_tool.hpp"

using namespace allot::test;

namespace {

std::string page() { return text_of(ALLOT_DOCS_DIR "/man/allot.1"); }

/// From one heading to the next of the same kind.
std::string section(const std::string& text, const std::string& heading) {
  const std::size_t start = ("\n" + text).find("\n" + heading + "\n");
  if (start == std::string::npos) return "";
  const std::string kind = "\n" + heading.substr(0, 4);
  const std::size_t end =
      std::min(text.find(kind, start + heading.size()), text.find("\n.SH ", start + heading.size()));
  return text.substr(start, end - start);
}

/// Those in its .TP entries: `.BR \-o ", " \-\-output " " \fITRACE\fR` and its like.
std::set<std::string> options_in(const std::string& text) {
  std::set<std::string> found;
  std::istringstream in(text);
  bool after_tag = false;
  for (std::string line; std::getline(in, line); after_tag = line == ".TP") {
    if (!after_tag) continue;
    static const std::regex option(R"((\\-\\-[a-z][a-z\\-]*|\\-[a-z](?![a-z\\])))");
    for (std::sregex_iterator each(line.begin(), line.end(), option), end; each != end; ++each)
      found.insert(std::regex_replace(each->str(), std::regex(R"(\\)"), ""));
  }
  return found;
}

std::set<std::string> options_of(const CLI::App& app) {
  std::set<std::string> names;
  for (const CLI::Option* each : app.get_options()) {
    for (const std::string& name : each->get_lnames()) names.insert("--" + name);
    for (const std::string& name : each->get_snames()) names.insert("-" + name);
  }
  return names;
}

struct whole_command {
  std::ostringstream out;
  allot::tool::command_context context{out, out};
  CLI::App app{"", "allot"};
  whole_command() { add_all(app, context); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(man_page)

BOOST_AUTO_TEST_CASE(it_has_every_subcommand_with_every_option_and_no_others) {
  const whole_command command;
  const std::string commands = section(page(), ".SH COMMANDS");
  std::set<std::string> headings;
  std::istringstream in(commands);
  for (std::string line; std::getline(in, line);)
    if (line.rfind(".SS ", 0) == 0) headings.insert(line.substr(4));
  std::set<std::string> names;
  for (const CLI::App* each : command.app.get_subcommands({})) {
    names.insert(each->get_name());
    std::set<std::string> options = options_of(*each);
    options.erase("--help");
    options.erase("-h");
    BOOST_TEST(options_in(section(commands, ".SS " + each->get_name())) == options, each->get_name());
  }
  BOOST_TEST(headings == names);
  BOOST_TEST(page().find("\"" + run_tool({"--version"}).out.substr(0, run_tool({"--version"}).out.size() - 1) + "\"") !=
             std::string::npos);
  BOOST_TEST(options_in(section(page(), ".SH OPTIONS")) == options_of(command.app));
}

BOOST_AUTO_TEST_CASE(it_has_every_exit_code) {
  const std::string codes = section(page(), ".SH EXIT STATUS");
  std::istringstream in(run_tool({"--help"}).out);
  int found = 0;
  for (std::string line; std::getline(in, line);) {
    static const std::regex row(R"(^ +(\d+)  .*)");
    std::smatch is;
    if (!std::regex_match(line, is, row)) continue;
    BOOST_TEST(codes.find("\n.B " + is[1].str() + "\n") != std::string::npos, is[1].str());
    ++found;
  }
  BOOST_TEST(found == 10);
}

BOOST_AUTO_TEST_CASE(groff_finds_nothing_wrong_with_it) {
  if (std::system("command -v groff > /dev/null 2>&1") != 0) return skip("groff is not installed");
  const temporary_file said("said");
  BOOST_TEST(std::system(
                 ("groff -man -Tascii -ww -z " ALLOT_DOCS_DIR "/man/allot.1 > " + said.path() + " 2>&1").c_str()) == 0);
  BOOST_TEST(text_of(said.path()) == "");
}

BOOST_AUTO_TEST_SUITE_END()
