#include <algorithm>
#include <allot/trace/compare.hpp>
#include <allot/trace/trace_profile.hpp>
#include <cstdint>
#include <iterator>
#include <ostream>
#include <stdexcept>

namespace allot {
namespace {

comparison median_of(const std::string& name, std::vector<replay_result> rounds) {
  std::sort(rounds.begin(), rounds.end(),
            [](const replay_result& a, const replay_result& b) { return a.seconds < b.seconds; });
  replay_result middle = rounds[rounds.size() / 2];
  for (const replay_result& each : rounds) {  // what went wrong once is told
    middle.refused = std::max(middle.refused, each.refused);
    middle.damaged = std::max(middle.damaged, each.damaged);
  }
  std::vector<std::size_t> committed;
  for (const replay_result& each : rounds) committed.push_back(each.peak_committed);
  std::sort(committed.begin(), committed.end());
  middle.peak_committed = committed[committed.size() / 2];
  return {name, middle.seconds, rounds.front().seconds, rounds.back().seconds, middle};
}

bool served_all(const comparison& row) { return row.result.refused == 0 && row.result.damaged == 0; }

double measure(const comparison& row, recommend_for what) {
  return what == recommend_for::time ? row.seconds : static_cast<double>(row.result.peak_committed);
}

/// Whether the rounds of one reach into those of the other. Memory hardly varies: there it is one part in a hundred.
bool within_noise(const comparison& a, const comparison& b, recommend_for what) {
  if (what == recommend_for::time) return a.fastest <= b.slowest && b.fastest <= a.slowest;
  const double difference = measure(a, what) - measure(b, what);
  return std::max(difference, -difference) * 100 <= std::max(measure(a, what), measure(b, what));
}

/// With a point, whatever the locale.
std::string decimals(double value, int count) {
  std::uint64_t scale = 1;
  for (int i = 0; i < count; ++i) scale *= 10;
  constexpr double most = 1e15;
  const auto scaled = static_cast<std::uint64_t>(std::clamp(value, 0.0, most) * static_cast<double>(scale) + 0.5);
  if (count == 0) return std::to_string(scaled);
  const std::string rest = std::to_string(scaled % scale);
  return std::to_string(scaled / scale) + "." + std::string(static_cast<std::size_t>(count) - rest.size(), '0') + rest;
}

/// Three digits are enough for people.
std::string about(std::size_t bytes) {
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(units); ++unit) value /= 1024;
  return decimals(value, unit == 0 || value >= 99.95 ? 0 : 1) + " " + units[unit];
}

}  // namespace

std::vector<comparison> compare(const replay_program& program, const std::vector<replay_candidate>& candidates,
                                const compare_options& options) {
  if (options.rounds == 0) throw std::invalid_argument("compare: at least one round");
  std::vector<std::vector<replay_result>> results(candidates.size());
  for (std::size_t round = 0; round < options.rounds; ++round)
    for (std::size_t i = 0; i < candidates.size(); ++i)
      results[i].push_back(replay(program, candidates[i], options.replay));
  std::vector<comparison> rows;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    rows.push_back(median_of(candidates[i].name, std::move(results[i])));
  return rows;
}

void print(std::ostream& out, const std::vector<comparison>& rows) {
  std::size_t width = 9;
  double best = 0;
  for (const comparison& row : rows) {
    width = std::max(width, row.name.size());
    if (best == 0 || row.seconds < best) best = row.seconds;
  }
  const auto line = [&](std::string name, const std::vector<std::string>& cells) {
    name.resize(width, ' ');
    out << name;
    for (const std::string& cell : cells)
      out << "  " << std::string(cell.size() < 10 ? 10 - cell.size() : 0, ' ') << cell;
    out << '\n';
  };
  line("candidate", {"ms", "of best", "spread", "peak", "waste", "refused"});
  for (const comparison& row : rows) {
    const replay_result& is = row.result;
    line(row.name, {decimals(row.seconds * 1e3, 2), decimals(best != 0 ? row.seconds / best : 1, 2),
                    decimals(row.seconds != 0 ? (row.slowest - row.fastest) / row.seconds * 100 : 0, 0) + " %",
                    is.peak_committed != 0 ? about(is.peak_committed) : "-",
                    is.peak_committed != 0 ? decimals(is.waste() * 100, 0) + " %" : "-", std::to_string(is.refused)});
  }
}

recommendation recommend(const replay_program& program, const std::vector<comparison>& rows, recommend_for what) {
  recommendation made;
  bool found = false;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!served_all(rows[i])) continue;
    if (what == recommend_for::memory && rows[i].result.peak_committed == 0) continue;  // it does not tell
    if (!found || measure(rows[i], what) < measure(rows[made.best], what)) made.best = i;
    found = true;
  }
  if (!found) throw std::invalid_argument("recommend: no candidate served all requests");
  const comparison& best = rows[made.best];
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (i != made.best && served_all(rows[i]) && within_noise(rows[i], best, what)) made.as_good.push_back(i);

  for (const std::string& trait : traits_of(profile_of(program))) made.reasons.push_back(trait);
  const bool for_time = what == recommend_for::time;
  made.reasons.push_back(best.name + (for_time ? " takes " + decimals(best.seconds * 1e3, 2) + " ms"
                                               : " needs " + about(best.result.peak_committed)));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i == made.best) continue;
    if (!served_all(rows[i])) {
      made.reasons.push_back(rows[i].name + " cannot serve all requests");
    } else if (std::find(made.as_good.begin(), made.as_good.end(), i) != made.as_good.end()) {
      made.reasons.push_back(rows[i].name + " is as good, as far as these rounds can tell");
    } else if (measure(best, what) > 0 && measure(rows[i], what) > 0) {
      made.reasons.push_back(rows[i].name + (for_time ? " takes " : " needs ") +
                             decimals(measure(rows[i], what) / measure(best, what), 2) + " times as much");
    }
  }
  return made;
}

}  // namespace allot
