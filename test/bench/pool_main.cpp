// Measures the pools against their peers; test/bench/run has it do all, `pool_bench --help` says what else it can do.

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "bench/peers.hpp"
#include "bench/pool_candidates.hpp"
#include "bench/pool_rounds.hpp"
#include "bench/pool_shapes.hpp"

namespace {

using namespace allot::bench;

constexpr int exit_failed = 1;
constexpr int exit_usage = 64;

constexpr std::string_view usage = R"(usage: pool_bench [OPTION]...

  --filter REGEX    only the shapes whose name matches
  --only NAME,NAME  only these candidates, such as 'floor,glibc malloc'
  --rounds N        instead of each shape's own number
  --tiny            do little of everything: to see that it works, not to measure
  --list            print the shapes and the candidates, and measure nothing
)";

struct options {
  std::regex filter{".*"};
  std::vector<std::string> only;  // empty: all
  std::size_t rounds = 0;         // 0: the shape's own
  bool tiny = false;
  bool list = false;
};

[[noreturn]] void wrong_usage(const std::string& problem) {
  std::cerr << "pool_bench: " << problem << '\n' << usage;
  std::exit(exit_usage);
}

std::vector<std::string> split(const std::string& names) {
  std::vector<std::string> all;
  std::istringstream in(names);
  for (std::string name; std::getline(in, name, ',');) all.push_back(name);
  return all;
}

std::size_t positive(const std::string& text) {
  const bool digits = !text.empty() && text.size() < 7 && text.find_first_not_of("0123456789") == std::string::npos;
  const std::size_t value = digits ? std::stoul(text) : 0;
  if (value == 0) wrong_usage("not a number of rounds: '" + text + "'");
  return value;
}

options parsed(const std::vector<std::string>& arguments) {
  options found;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    const auto value = [&]() -> const std::string& {
      if (i + 1 == arguments.size()) wrong_usage(name + " needs a value");
      return arguments[++i];
    };
    if (name == "--filter") {
      const std::string& text = value();
      try {
        found.filter = std::regex(text);
      } catch (const std::regex_error&) {
        wrong_usage("not a regular expression: '" + text + "'");
      }
    } else if (name == "--only") {
      found.only = split(value());
    } else if (name == "--rounds") {
      found.rounds = positive(value());
    } else if (name == "--tiny") {
      found.tiny = true;
    } else if (name == "--list") {
      found.list = true;
    } else if (name == "--help") {
      std::cout << usage;
      std::exit(EXIT_SUCCESS);
    } else {
      wrong_usage("no such option: '" + name + "'");
    }
  }
  return found;
}

std::vector<shape> shapes(const options& wanted) {
  const std::size_t shrink = wanted.tiny ? 100 : 1;
  std::vector<shape> all;
  for (const auto& group :
       {one_thread_shapes(shrink), aged_heap_shapes(shrink), memory_shapes(shrink), concurrent_shapes(shrink)})
    for (const shape& s : group)
      if (std::regex_search(s.name, wanted.filter)) all.push_back(s);
  return all;
}

std::vector<candidate> candidates(const options& wanted) {
  std::vector<candidate> all = pools();
  for (candidate& peer : peers(std::cerr)) all.push_back(std::move(peer));
  if (wanted.only.empty()) return all;
  std::vector<candidate> chosen;
  for (const std::string& name : wanted.only) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const candidate& c) { return c.name == name; });
    if (found == all.end()) wrong_usage("no such candidate here: '" + name + "'");
    chosen.push_back(*found);
  }
  return chosen;
}

}  // namespace

int main(int argc, char** argv) {
  const options wanted = parsed({argv + 1, argv + argc});
  restart_with_room_for_thread_storage(argv);
  const std::vector<shape> chosen = shapes(wanted);
  const std::vector<candidate> all = candidates(wanted);
  if (wanted.list) {
    for (const shape& s : chosen) std::cout << "shape      " << s.name << ": " << s.what << '\n';
    for (const candidate& c : all) std::cout << "candidate  " << c.name << '\n';
    return EXIT_SUCCESS;
  }
  std::size_t failed = 0;
  for (const shape& s : chosen) {
    const std::size_t rounds = wanted.rounds != 0 ? wanted.rounds : s.rounds;
    if (in_child([&] { print_table(s, run_rounds(s, all, rounds), std::cout); })) continue;
    std::cerr << "pool_bench: " << s.name << " failed\n";
    ++failed;
  }
  std::cout << chosen.size() - failed << " shapes measured, " << failed << " failed\n";
  return failed == 0 && !chosen.empty() ? EXIT_SUCCESS : exit_failed;
}
