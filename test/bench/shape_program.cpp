#include "bench/shape_program.hpp"

#include <cstdlib>
#include <iostream>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "bench/peers.hpp"
#include "bench/rounds.hpp"
#include "support/arguments.hpp"

namespace allot::bench {
namespace {

using test::wrong_usage;

constexpr int exit_failed = 1;
constexpr int exit_usage = 64;

constexpr std::string_view usage = R"( [OPTION]...

  --filter REGEX    only the shapes whose name matches
  --only NAME,NAME  only these candidates, such as 'floor,glibc malloc'
  --rounds N        instead of each shape's own number
  --shrink N        do an Nth of everything, up to 1000
  --tiny            the same as --shrink 100: to see that it works, not to measure
  --list            print the shapes and the candidates, and measure nothing
)";

struct options {
  std::regex filter{".*"};
  std::vector<std::string> only;  // empty: all
  std::size_t rounds = 0;         // 0: the shape's own
  std::size_t shrink = 1;
  bool list = false;
  bool help = false;
};

options parsed(const std::vector<std::string>& arguments) {
  options found;
  test::for_each_option(arguments, [&](const std::string& name, const auto& value) {
    if (name == "--filter") {
      const std::string& text = value();
      try {
        found.filter = std::regex(text);
      } catch (const std::regex_error&) {
        throw wrong_usage("not a regular expression: '" + text + "'");
      }
    } else if (name == "--only") {
      found.only = test::names_in(value());
    } else if (name == "--rounds") {
      found.rounds = test::number_in(value(), 100'000);
    } else if (name == "--shrink") {
      found.shrink = test::number_in(value(), 1000);
    } else if (name == "--tiny") {
      found.shrink = 100;
    } else if (name == "--list") {
      found.list = true;
    } else if (name == "--help") {
      found.help = true;
    } else {
      throw wrong_usage("no such option: '" + name + "'");
    }
  });
  return found;
}

std::vector<shape> chosen_shapes(const shape_program& program, const options& wanted) {
  std::vector<shape> all;
  for (const auto& group : program.shapes)
    for (const shape& s : group(wanted.shrink))
      if (std::regex_search(s.name, wanted.filter)) all.push_back(s);
  return all;
}

std::vector<candidate> chosen_candidates(const shape_program& program, const options& wanted) {
  std::vector<candidate> all = program.candidates();
  for (candidate& peer : peers(std::cerr)) all.push_back(std::move(peer));
  return test::chosen_by_name(all, wanted.only);
}

int measure(const shape_program& program, const options& wanted) {
  const std::vector<shape> shapes = chosen_shapes(program, wanted);
  const std::vector<candidate> candidates = chosen_candidates(program, wanted);
  if (wanted.list) {
    for (const shape& s : shapes) std::cout << "shape      " << s.name << ": " << s.what << '\n';
    for (const candidate& c : candidates) std::cout << "candidate  " << c.name << '\n';
    return EXIT_SUCCESS;
  }
  std::size_t failed = 0;
  for (const shape& s : shapes) {
    const std::size_t rounds = wanted.rounds != 0 ? wanted.rounds : s.rounds;
    if (in_child([&] { print_table(s, run_rounds(s, candidates, rounds), std::cout); })) continue;
    std::cerr << program.name << ": " << s.name << " failed\n";
    ++failed;
  }
  std::cout << shapes.size() - failed << " shapes measured, " << failed << " failed\n";
  return failed == 0 && !shapes.empty() ? EXIT_SUCCESS : exit_failed;
}

}  // namespace

int run_shape_program(const shape_program& program, int count, char** arguments) {
  try {
    const options wanted = parsed({arguments + 1, arguments + count});
    if (wanted.help) {
      std::cout << "usage: " << program.name << usage;
      return EXIT_SUCCESS;
    }
    restart_with_room_for_thread_storage(arguments);
    return measure(program, wanted);
  } catch (const wrong_usage& e) {
    std::cerr << program.name << ": " << e.what() << "\nusage: " << program.name << usage;
    return exit_usage;
  }
}

}  // namespace allot::bench
