#include <algorithm>
#include <allot/trace/compare.hpp>
#include <cstdint>
#include <numeric>
#include <random>
#include <stdexcept>
#include <utility>

namespace allot {
namespace {

template <class Measure>
void sort_by(std::vector<replay_result>& rounds, Measure measure) {
  std::stable_sort(rounds.begin(), rounds.end(),
                   [&](const replay_result& a, const replay_result& b) { return measure(a) < measure(b); });
}

void add_times(comparison& row, std::vector<replay_result> rounds) {
  for (const replay_result& each : rounds) row.rounds.push_back(each.seconds);
  sort_by(rounds, [](const replay_result& each) { return each.peak_committed; });
  const std::size_t committed = rounds[rounds.size() / 2].peak_committed;
  sort_by(rounds, [](const replay_result& each) { return each.seconds; });
  row.result = rounds[rounds.size() / 2];
  row.result.peak_committed = committed;
  row.seconds = row.result.seconds;
  row.fastest = rounds.front().seconds;
  row.slowest = rounds.back().seconds;
  for (const replay_result& each : rounds) {  // what went wrong once is told
    row.result.refused = std::max(row.result.refused, each.refused);
    row.result.damaged = std::max(row.result.damaged, each.damaged);
  }
}

void add_latencies(comparison& row, std::vector<replay_result> rounds) {
  if (rounds.empty()) return;
  constexpr double least = 1;  // nanosecond; the clock tells no less
  for (replay_result& each : rounds) {
    each.latency.p999 = std::max(each.latency.p999, least);
    row.latencies.push_back(each.latency.p999);
  }
  sort_by(rounds, [](const replay_result& each) { return each.latency.p999; });
  row.result.latency = rounds[rounds.size() / 2].latency;
}

/// In another order each time, so that none always comes behind the same one, which leaves the caches as it does. The
/// same ones in each comparison.
class turns_of_a_round {
 public:
  explicit turns_of_a_round(std::size_t count) : turns_(count) { std::iota(turns_.begin(), turns_.end(), 0); }

  const std::vector<std::size_t>& next() {
    for (std::size_t left = turns_.size(); left > 1; --left) std::swap(turns_[left - 1], turns_[random_() % left]);
    return turns_;
  }

 private:
  std::vector<std::size_t> turns_;
  std::mt19937 random_;
};

}  // namespace

std::vector<comparison> compare(const replay_program& program, const std::vector<replay_candidate>& candidates,
                                const compare_options& options) {
  if (options.rounds == 0) throw std::invalid_argument("compare: at least one round");
  const std::size_t of = (options.rounds + options.latency_rounds) * candidates.size();
  std::size_t done = 0;
  const auto tell = [&] {
    if (options.progress) options.progress(done, of);
  };
  tell();
  turns_of_a_round turns(candidates.size());
  replay_options how = options.replay;
  if (how.most_memory == 0) how.most_memory = memory_for_replays();  // the same for all
  const auto replayed = [&](std::size_t rounds) {
    std::vector<std::vector<replay_result>> results(candidates.size());
    for (std::size_t round = 0; round < rounds; ++round)
      for (const std::size_t i : turns.next()) {
        results[i].push_back(replay(program, candidates[i], how));
        ++done;
        tell();
      }
    return results;
  };
  how.latencies = false;
  std::vector<std::vector<replay_result>> times = replayed(options.rounds);
  how.latencies = true;
  std::vector<std::vector<replay_result>> latencies = replayed(options.latency_rounds);
  std::vector<comparison> rows(candidates.size());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    rows[i].name = candidates[i].name;
    add_times(rows[i], std::move(times[i]));
    add_latencies(rows[i], std::move(latencies[i]));
  }
  return rows;
}

}  // namespace allot
