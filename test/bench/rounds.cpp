#include "bench/rounds.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <optional>
#include <ostream>
#include <range/v3/algorithm/sort.hpp>
#include <stdexcept>
#include <string_view>

#include "bench/idle_thread.hpp"
#include "bench/statistics.hpp"

namespace allot::bench {
namespace {

constexpr std::size_t own_blocks_threads = 2;

/// How many instances of a candidate the shape works on; 0: the shape is not for it.
std::size_t instances(const shape& of, const candidate& c) {
  using memory = candidate::memory;
  const bool many_threads = c.threads == candidate::serves::many_threads;
  if (c.from == memory::simulated && of.whom != shape::for_whom::one_range) return 0;
  switch (of.whom) {
    case shape::for_whom::one_thread:
      return 1;
    case shape::for_whom::many_threads:
      return many_threads ? 1 : 0;
    case shape::for_whom::own_blocks:
      return many_threads ? 1 : own_blocks_threads;
    case shape::for_whom::upstream_users:
      return c.from == memory::of_upstream ? 1 : 0;
    case shape::for_whom::one_range:
      return c.from == memory::one_range || c.from == memory::simulated ? 1 : 0;
  }
  return 0;
}

std::string shown_name(const candidate& c, std::size_t count) {
  return count == 1 ? c.name : std::to_string(count) + " x " + c.name;
}

/// One round in a fresh process, on a fresh instance.
readings cold_round(const shape& of, const candidate& c, std::size_t number, const round_function& round) {
  const std::size_t count = instances(of, c);
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
  readings found(of.measures.size());
  const std::size_t bytes = found.size() * sizeof(double);
  const bool well = in_child([&] {
    const idle_thread second;
    subject fresh(shown_name(c, count), c, count);
    fresh.begin_round(number);
    const readings own = round(fresh);
    if (::write(ends[1], own.data(), bytes) != static_cast<ssize_t>(bytes)) throw std::runtime_error("no answer");
  });
  ::close(ends[1]);
  const bool answered = ::read(ends[0], found.data(), bytes) == static_cast<ssize_t>(bytes);
  ::close(ends[0]);
  if (!well || !answered) throw std::runtime_error(c.name + " did not finish a round of " + of.name);
  return found;
}

bool is_floor(const candidate& c) { return c.is == candidate::role::floor; }
bool is_peer(const candidate& c) { return c.is == candidate::role::peer; }
bool is_malloc(const candidate& c) { return is_peer(c) && c.from == candidate::memory::of_process; }

/// The least median of those that are asked for.
template <class Wanted>
std::optional<double> best_of(const std::vector<rounds_of>& all, Wanted wanted, std::size_t measure = 0) {
  std::optional<double> best;
  for (const rounds_of& r : all) {
    if (!wanted(r)) continue;
    const double middle = median(r.values[measure]);
    best = std::min(best.value_or(middle), middle);
  }
  return best;
}

/// What the goal compares with; nothing when that did not run.
std::optional<double> baseline(const goal& g, const std::vector<rounds_of>& all) {
  return best_of(
      all,
      [&](const rounds_of& r) {
        if (g.against == goal::best_peer) return is_peer(r.of);
        if (g.against == goal::best_malloc) return is_malloc(r.of);
        return r.name == g.against;
      },
      g.measure);
}

void print_goals(const shape& of, const std::vector<rounds_of>& all, std::ostream& out) {
  for (const goal& g : of.goals) {
    const auto ours = best_of(
        all, [&](const rounds_of& r) { return r.name == g.ours; }, g.measure);
    const auto other = g.against.empty() ? std::optional(1.0) : baseline(g, all);
    if (!ours || !other) continue;
    const double reached = *ours / *other;
    out << "- " << g.ours << ", " << of.measures[g.measure] << ": " << std::setprecision(2);
    if (g.at_most > 0) out << "at most " << g.at_most << (g.against.empty() ? "" : " of " + g.against) << ", is ";
    out << std::setprecision(3) << reached;
    if (g.at_most == 0) out << " of " << g.against;
    if (g.at_most > 0 && reached > g.at_most) out << " **(not met)**";
    out << '\n';
  }
}

struct ratio {
  double value;
  std::optional<double> of;
};

std::ostream& operator<<(std::ostream& out, const ratio& r) {
  out << std::setw(6);
  return r.of ? out << std::setprecision(2) << r.value / *r.of : out << '-';
}

/// Four digits are more than any of this is worth.
int decimals(double value) { return value < 2 ? 3 : value < 10 ? 2 : value < 1000 ? 1 : 0; }

}  // namespace

std::vector<rounds_of> run_rounds(const shape& of, const std::vector<candidate>& all, std::size_t rounds) {
  const bool cold = of.start == shape::starts::cold;
  const round_function round = of.prepare();
  // Cold rounds need a process that has done nothing yet, and one thread to fork from.
  std::optional<idle_thread> second;
  if (!cold) second.emplace();

  std::vector<candidate> running;
  std::vector<rounds_of> results;
  std::vector<subject> subjects;
  for (const candidate& c : all) {
    const std::size_t count = instances(of, c);
    if (count == 0) continue;
    running.push_back(c);
    results.push_back({shown_name(c, count), c, std::vector<std::vector<double>>(of.measures.size())});
    if (!cold) subjects.emplace_back(results.back().name, c, count);
  }
  if (!cold && rounds > 1)
    for (const subject& s : subjects) round(s);  // to be warm
  for (std::size_t r = 0; r < rounds; ++r) {
    for (std::size_t i = 0; i < running.size(); ++i) {
      const std::size_t turn = (i + r) % running.size();  // no one always runs behind the same one
      if (!cold) subjects[turn].begin_round(r);
      const readings found = cold ? cold_round(of, running[turn], r, round) : round(subjects[turn]);
      for (std::size_t m = 0; m < found.size(); ++m) results[turn].values[m].push_back(found[m]);
    }
  }
  return results;
}

void print_table(const shape& of, std::vector<rounds_of> all, std::ostream& out) {
  ranges::sort(all, std::less<>(), [](const rounds_of& r) { return median(r.values[0]); });
  const auto floor = best_of(all, [](const rounds_of& r) { return is_floor(r.of); });
  const auto best_peer = best_of(all, [](const rounds_of& r) { return is_peer(r.of); });
  std::size_t width = std::string_view("candidate").size();
  for (const rounds_of& r : all) width = std::max(width, r.name.size());

  out << "### " << of.name << ": " << of.what << "\n\n";
  out << "| " << std::left << std::setw(static_cast<int>(width)) << "candidate" << std::right << " | " << of.measures[0]
      << " | least | spread | / floor | / best peer |";
  for (std::size_t m = 1; m < of.measures.size(); ++m) out << ' ' << of.measures[m] << " |";
  out << "\n|---|---|---|---|---|---|";
  for (std::size_t m = 1; m < of.measures.size(); ++m) out << "---|";
  out << '\n' << std::fixed;
  for (const rounds_of& r : all) {
    const double middle = median(r.values[0]);
    out << "| " << std::left << std::setw(static_cast<int>(width)) << r.name << std::right << " | " << std::setw(8)
        << std::setprecision(decimals(middle)) << middle << " | " << std::setw(8)
        << *std::min_element(r.values[0].begin(), r.values[0].end()) << " | " << std::setw(2) << std::setprecision(0)
        << spread(r.values[0]) * 100 << " % | " << ratio{middle, floor} << " | " << ratio{middle, best_peer} << " |";
    for (std::size_t m = 1; m < r.values.size(); ++m) {
      const double other = median(r.values[m]);
      out << ' ' << std::setprecision(decimals(other)) << other << " |";
    }
    out << '\n';
  }
  out << '\n';
  print_goals(of, all, out);
  out << std::endl;
}

bool in_child(const std::function<void()>& body) {
  std::cout.flush();
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      body();
    } catch (const std::exception& e) {
      std::cerr << e.what() << std::endl;
      std::_Exit(1);
    }
    std::cout.flush();
    std::_Exit(0);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace allot::bench
