#include "command_line.hpp"

#include <getopt.h>

#include <charconv>
#include <iostream>

namespace main_job {

namespace {

std::optional<std::size_t> parse_rounds(std::string_view text) noexcept {
  constexpr std::size_t most = 10000;
  std::size_t rounds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rounds);
  if (error != std::errc() || end != text.data() + text.size() || rounds < 1 || rounds > most) return std::nullopt;
  return rounds;
}

}  // namespace

command_line parse_command_line(int argc, char** argv) {
  static const option flags[] = {{"config", required_argument, nullptr, 'c'},
                                 {"help", no_argument, nullptr, 'h'},
                                 {"rounds", required_argument, nullptr, 'r'},
                                 {"svg", required_argument, nullptr, 's'},
                                 {nullptr, 0, nullptr, 0}};
  command_line parsed;
  for (int flag = 0; (flag = getopt_long(argc, argv, "h", flags, nullptr)) != -1;) {
    switch (flag) {
      case 'h':
        parsed.what = command_line::action::help;
        return parsed;
      case 'c':
        parsed.config = optarg;
        break;
      case 'r':
        parsed.rounds = parse_rounds(optarg);
        if (!parsed.rounds) {
          std::cerr << argv[0] << ": not a number of rounds: '" << optarg << "'\n";
          parsed.what = command_line::action::misuse;
          return parsed;
        }
        break;
      case 's':
        parsed.svg = optarg;
        break;
      default:
        parsed.what = command_line::action::misuse;
        return parsed;
    }
  }
  parsed.files.assign(argv + optind, argv + argc);
  return parsed;
}

}  // namespace main_job
