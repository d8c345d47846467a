// Whether recommend() is right: ten programs of which one knows what memory suits them are recorded and replayed on the
// built-in strategies. By the first half of the rounds one is recommended; the second half, measured afresh, says how
// its time compares with that of the fastest. Prints a Markdown table, and ends with 0 when nine of ten are within 5 %.

#include <algorithm>
#include <allot/trace/compare.hpp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "command/candidates.hpp"
#include "programs.hpp"

namespace {

using namespace allot;

constexpr double close_enough = 1.05;
constexpr std::size_t most_wrong = 1;

std::vector<comparison> compared(const replay_program& program, const std::vector<replay_candidate>& candidates,
                                 std::size_t rounds) {
  compare_options options;
  options.rounds = rounds;
  options.latency_rounds = 0;
  return compare(program, candidates, options);
}

/// All have three rounds; those that take three times as long as another even at their fastest have no more, so that
/// the others have many.
std::vector<comparison> measured(const replay_program& program, const std::vector<replay_candidate>& candidates,
                                 std::size_t rounds, const std::string& stays = {}) {
  constexpr double hopeless = 3;
  const std::vector<comparison> all = compared(program, candidates, 3);
  double least = std::numeric_limits<double>::max();
  for (const comparison& each : all)
    if (each.result.refused == 0) least = std::min(least, each.fastest);
  std::vector<replay_candidate> kept;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].name == stays || (all[i].result.refused == 0 && all[i].fastest < hopeless * least))
      kept.push_back(candidates[i]);
  return compared(program, kept, rounds);
}

/// How many times as much the first takes as the second, in the middle round: what the machine does meanwhile hits
/// both.
double times_of(const comparison& first, const comparison& second) {
  std::vector<double> shares;
  for (std::size_t i = 0; i < first.rounds.size(); ++i) shares.push_back(first.rounds[i] / second.rounds[i]);
  const auto middle = shares.begin() + static_cast<std::ptrdiff_t>(shares.size() / 2);
  std::nth_element(shares.begin(), middle, shares.end());
  return *middle;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + ("`" + names[i] + "`");
  return text;
}

/// Whether it held.
bool prove(const proof::known_program& known, std::size_t rounds) {
  const replay_program program = known.recorded();
  std::vector<replay_candidate> candidates;
  for (const tool::config_candidate& each : tool::built_in_candidates(program, known.shared))
    candidates.push_back(each.replayed);
  const std::vector<comparison> first = measured(program, candidates, rounds);
  const recommendation made = recommend(program, first);
  const std::string& name = first[made.best].name;
  const std::vector<comparison> afresh = measured(program, candidates, rounds, name);
  const comparison& picked =
      *std::find_if(afresh.begin(), afresh.end(), [&](const comparison& each) { return each.name == name; });
  const auto fastest = std::max_element(afresh.begin(), afresh.end(), [&](const comparison& a, const comparison& b) {
    return times_of(picked, a) < times_of(picked, b);
  });
  const double ratio = times_of(picked, *fastest);
  const bool holds = ratio <= close_enough;
  const bool expected = std::find(known.best.begin(), known.best.end(), picked.name) != known.best.end();
  std::printf("| %s: %s | %s: %s | `%s`%s | %.2f ms | `%s`, %.2f ms | %.3f | %s |\n", known.name, known.does,
              joined(known.best).c_str(), known.because, picked.name.c_str(), expected ? "" : " (another)",
              picked.seconds * 1e3, fastest->name.c_str(), fastest->seconds * 1e3, ratio, holds ? "holds" : "no");
  std::fflush(stdout);
  std::cerr << "== " << known.name << '\n';
  print(std::cerr, afresh);
  for (const std::string& reason : made.reasons) std::cerr << "  " << reason << ".\n";
  return holds;
}

}  // namespace

/// @param argv  rounds of each half; the name of a program, for that alone
int main(int argc, char** argv) {
  const std::size_t rounds = argc > 1 ? static_cast<std::size_t>(std::strtoul(argv[1], nullptr, 10)) : 121;
  std::size_t held = 0;
  std::size_t tried = 0;
  std::printf(
      "| program | known to suit it | recommended | takes | fastest, afresh | of it | within 5 %% |\n"
      "|---|---|---|---|---|---|---|\n");
  for (const proof::known_program& each : proof::known_programs()) {
    if (argc > 2 && std::string(argv[2]) != each.name) continue;
    ++tried;
    held += prove(each, rounds);
  }
  std::printf("\n%zu of %zu hold.\n", held, tried);
  return held + most_wrong >= tried ? 0 : 1;
}
