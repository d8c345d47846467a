#pragma once

#include <allot/core/compiler.hpp>
#include <allot/trace/replay.hpp>
#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace allot {

struct compare_options {
  std::size_t rounds = 7;  ///< of which the medians are taken; at least 1. All candidates have a turn in each
  replay_options replay;
};

/// A candidate's rounds in one.
struct comparison {
  std::string name;
  double seconds = 0;  ///< the median
  double fastest = 0;
  double slowest = 0;
  replay_result result;  ///< of that round, but the most refused and damaged of any, and the median of peak_committed
};

/// Replays a trace on all candidates, in rounds, so that what else the machine does hits all alike. In the candidates'
/// order.
/// @throws std::invalid_argument for no rounds; what replay() throws
ALLOT_EXPORT std::vector<comparison> compare(const replay_program& program,
                                             const std::vector<replay_candidate>& candidates,
                                             const compare_options& options = {});

/// A table of them, a line each.
ALLOT_EXPORT void print(std::ostream& out, const std::vector<comparison>& rows);

/// What counts in a recommendation.
enum class recommend_for { time, memory };

struct recommendation {
  std::size_t best = 0;              ///< which of the comparisons
  std::vector<std::size_t> as_good;  ///< those that differ from it by less than the measurement itself does
  std::vector<std::string> reasons;  ///< sentences for people
};

/// The best of those that refused no request and damaged nothing, and why.
/// @throws std::invalid_argument when there is none
ALLOT_EXPORT recommendation recommend(const replay_program& program, const std::vector<comparison>& rows,
                                      recommend_for what = recommend_for::time);

}  // namespace allot
