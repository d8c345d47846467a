#pragma once

#include <allot/core/compiler.hpp>
#include <allot/trace/replay.hpp>
#include <cstddef>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace allot {

/// How candidates are compared.
struct compare_options {
  std::size_t rounds = 7;  ///< of which the medians are taken; at least 1. All candidates have a turn in each
  std::size_t latency_rounds =
      3;                  ///< behind them, in which single calls are timed, so that `seconds` has nothing of it
  replay_options replay;  ///< its `latencies` does not count
  /// Called by the thread that compares: how many replays are done, of how many. At the start, and behind each.
  std::function<void(std::size_t done, std::size_t of)> progress = {};
};

/// A candidate's rounds in one.
struct comparison {
  std::string name;               ///< the candidate's
  double seconds = 0;             ///< the median
  double fastest = 0;             ///< round, in seconds
  double slowest = 0;             ///< round, in seconds
  std::vector<double> rounds;     ///< seconds of each, in their order: noise is judged by them
  std::vector<double> latencies;  ///< of each of its rounds, what 99.9 % of the calls took at most, in nanoseconds
  /// Of the round with the median time, but the most refused and damaged of any, the median of peak_committed, and
  /// `latency` of the round with the median of those.
  replay_result result;
};

/// Replays a trace on all candidates, in rounds, so that what else the machine does hits all alike; each round has
/// another order. The rows are in the candidates' order.
/// @throws std::invalid_argument for no rounds; what replay() and progress() throw
ALLOT_EXPORT std::vector<comparison> compare(const replay_program& program,
                                             const std::vector<replay_candidate>& candidates,
                                             const compare_options& options = {});

/// A table of them, a line each, of up to 100 characters: what does not fit is left out, the least telling first.
/// "frag." is replay_result::fragmentation, "near" its neighbours, "99.9 %" what these calls take at most.
ALLOT_EXPORT void print(std::ostream& out, const std::vector<comparison>& rows);

/// Bars for time, memory and latency, in SVG: well-formed whatever the names are, for light and dark backgrounds. Lines
/// across bars reach from the least to the most of the rounds.
ALLOT_EXPORT void write_chart(std::ostream& out, const std::vector<comparison>& rows);

/// What counts in a recommendation.
enum class recommend_for {
  time,    ///< the median of the rounds
  memory,  ///< peak_committed
  latency  ///< what 99.9 % of the calls take at most
};

/// Which candidate to take, and why.
struct recommendation {
  std::size_t best = 0;              ///< which of the comparisons
  std::vector<std::size_t> as_good;  ///< the others that differ from the least by less than can be told or matters
  std::vector<std::string> reasons;  ///< sentences for people
};

/// The best of those that refused no request and damaged nothing, and why.
///
/// The one that takes least has the least median, unless another takes less round by round, by more than the rounds
/// differ: then that. As good as this one are those that differ from it, round by round, by less than the rounds differ
/// among themselves (two standard errors of the median; a quarter, of fewer than three rounds), or by less than
/// matters: 1 % of time and memory, 5 % of latency. Among these, as far as they are no more than 3 % off (5 % of
/// latency), whatever the noise, the one that needs least memory is best, for memory the fastest; where they need the
/// same within 1 %, the one that takes least of what counts.
/// @throws std::invalid_argument when there is none, or none whose memory or latency is known where that counts
ALLOT_EXPORT recommendation recommend(const replay_program& program, const std::vector<comparison>& rows,
                                      recommend_for what = recommend_for::time);

}  // namespace allot
