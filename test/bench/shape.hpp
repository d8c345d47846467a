#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <memory_resource>
#include <string>
#include <vector>

#include "bench/candidate.hpp"

namespace allot::bench {

/// A candidate at work: its instances, which live through all rounds of a shape.
class subject {
 public:
  /// @param instances  1, or one for each thread
  subject(std::string name, const candidate& of, std::size_t instances);

  const std::string& name() const { return name_; }
  const candidate& of() const { return of_; }

  /// Counted from 0.
  std::size_t round() const { return round_; }
  void begin_round(std::size_t number) { round_ = number; }

  /// Where thread number `thread` gets its memory.
  std::pmr::memory_resource& memory(std::size_t thread = 0) const { return *instances_[thread % instances_.size()]; }

 private:
  std::string name_;
  candidate of_;
  std::size_t round_ = 0;
  std::vector<std::unique_ptr<std::pmr::memory_resource>> instances_;
};

/// What one round gives, in the order of shape::measures.
using readings = std::vector<double>;
using round_function = std::function<readings(const subject&)>;

/// What one of ours is held to, in medians.
struct goal {
  std::string ours;
  std::string against;  ///< a candidate as the table names it, or one of those below; empty: at_most is a value itself
  double at_most;       ///< 0: printed only
  std::size_t measure = 0;

  static constexpr const char* best_peer = "best peer";
  static constexpr const char* best_malloc = "best malloc";  ///< of the peers that are heaps of the process
  static constexpr double not_above = 1.05;
};

/// A use of memory, the same for all candidates.
struct shape {
  enum class for_whom {
    one_thread,    ///< everyone
    many_threads,  ///< those who serve several threads
    own_blocks,    ///< the same, and an instance for each of two threads of those who serve one
    upstream_users,
    one_range  ///< those whose blocks all lie in one range
  };
  enum class starts { warm, cold };  ///< cold: each round is in a process of its own, on a fresh instance

  std::string name;
  std::string what;
  std::vector<std::string> measures;  ///< with their units; the first is the one that is compared
  for_whom whom;
  starts start;
  std::size_t rounds;
  std::function<round_function()> prepare;  ///< makes what the rounds share, off the clock
  std::vector<goal> goals;
};

/// A warm shape of one measure, for everyone.
/// @param prepare  makes what the rounds share; what it returns gives the measure of one round
shape one_thread_shape(std::string name, std::string what, std::string measure,
                       std::function<std::function<double(std::pmr::memory_resource&)>()> prepare,
                       std::vector<goal> goals);

/// The same with each round in a fresh process, which is held to nothing.
shape cold_twin(shape of);

}  // namespace allot::bench
