#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "tool/run_tool.hpp"

using namespace allot::test;

namespace {

bool is_installed(const std::string& shell) {
  return std::system(("command -v " + shell + " > /dev/null 2>&1").c_str()) == 0;
}

std::string output_of(const std::string& line) {
  std::string text;
  std::FILE* const out = ::popen(line.c_str(), "r");
  std::array<char, 4096> piece{};
  while (out != nullptr && std::fgets(piece.data(), static_cast<int>(piece.size()), out) != nullptr)
    text += piece.data();
  if (out != nullptr) ::pclose(out);
  return text;
}

std::set<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::set<std::string> words;
  for (std::string each; in >> each;) words.insert(each);
  return words;
}

/// What bash offers for the last of these words.
std::set<std::string> offered(const std::string& script, const std::string& words) {
  return words_of(output_of("bash -c '. " + script + "; COMP_WORDS=(" + words +
                            "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _allot; echo \"${COMPREPLY[@]}\"'"));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(completion)

BOOST_AUTO_TEST_CASE(bash_offers_subcommands_options_values_and_files) {
  if (!is_installed("bash")) return skip("bash is not installed");
  const temporary_file script("completion");
  write_text(script.path(), run_tool({"completion", "bash"}).out);
  const auto offers = [&](const std::string& words) { return offered(script.path(), words); };
  BOOST_TEST(offers("allot re") == (std::set<std::string>{"record", "recommend", "replay"}));
  BOOST_TEST(offers("allot --js").count("--json") == 1u);
  BOOST_TEST(offers("allot --json re").count("record") == 1u);
  BOOST_TEST(offers("allot replay --co") == (std::set<std::string>{"--config", "--content"}));
  BOOST_TEST(offers("allot replay --content \"\"") == (std::set<std::string>{"touched", "untouched", "checked"}));
  BOOST_TEST(offers("allot compare --no-p") == (std::set<std::string>{"--no-progress"}));
  BOOST_TEST(offers("allot completion f") == (std::set<std::string>{"fish"}));
  BOOST_TEST(offers("allot strategies page").count("page_resource") == 1u);
  BOOST_TEST(offers("allot compare " + script.path()) == (std::set<std::string>{script.path()}));
  BOOST_TEST(offers("allot recommend x -o " + script.path()) == (std::set<std::string>{script.path()}));
  BOOST_TEST(offers("allot record -o t -- bas").count("bash") == 1u);
  BOOST_TEST(offers("allot record -o t -- ls --js").count("--json") == 0u);
}

BOOST_AUTO_TEST_CASE(each_shell_reads_its_script) {
  int read = 0;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const tool_outcome done = run_tool({"completion", shell});
    BOOST_TEST(done.code == 0);
    for (const char* each : {"record", "check-config", "untouched", "concurrent_general_resource"})
      BOOST_TEST(done.prints(each), shell << " " << each);
    BOOST_TEST(run_tool({"completion", shell, "--json"}).value()["script"] == done.out);
    if (!is_installed(shell)) continue;
    const temporary_file script("completion");
    write_text(script.path(), done.out);
    BOOST_TEST(std::system((shell + " -n " + script.path()).c_str()) == 0, shell);
    ++read;
  }
  if (read == 0) skip("none of the shells is installed");
}

BOOST_AUTO_TEST_CASE(fish_offers_what_its_script_says) {
  if (!is_installed("fish")) return skip("fish is not installed");
  const temporary_file script("completion");
  write_text(script.path(), run_tool({"completion", "fish"}).out);
  const auto offers = [&](const std::string& words) {
    return words_of(output_of("HOME=/nonexistent fish --no-config -c 'source " + script.path() + "; complete -C \"" +
                              words + "\"' 2>/dev/null"));
  };
  BOOST_TEST(offers("allot recomm").count("recommend") == 1u);
  BOOST_TEST(offers("allot replay --content un").count("untouched") == 1u);
  BOOST_TEST(offers("allot replay --one").count("--one-thread") == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
