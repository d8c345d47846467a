#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "progress.hpp"
#include "results.hpp"

namespace main_job {

/// Runs from the start, but for pauses.
class stopwatch {
 public:
  stopwatch() noexcept { resume(); }
  void pause() noexcept { elapsed_ += clock::now() - started_; }
  void resume() noexcept { started_ = clock::now(); }

  /// When paused. Never 0, however coarse the clock, so that one can divide by it.
  double milliseconds() const noexcept;

 private:
  using clock = std::chrono::steady_clock;
  clock::time_point started_;
  clock::duration elapsed_{};
};

/// One of those that are timed against each other. Both functions return milliseconds, and throw mismatch when a result
/// is not what it should be.
struct contestant {
  std::string_view name;
  footprint memory;
  std::function<double()> cold;
  std::function<double()> warm;
};

/// A contestant that is made, works and is destroyed (cold), or works again after it did so once (warm).
/// @param make  called with the watch, which it may pause; returns a pointer that owns something with reuse(), which
///              makes it ready to work again: that counts, too
/// @param work  does the job with that thing once, on a watch that runs
template <class Make, class Work>
contestant contestant_of(std::string_view name, const footprint& memory, Make make, Work work) {
  return {name, memory,
          [=] {
            stopwatch watch;
            auto fresh = make(watch);
            work(*fresh, watch);
            fresh.reset();
            watch.pause();
            return watch.milliseconds();
          },
          [=] {
            stopwatch untold;
            const auto kept = make(untold);
            work(*kept, untold);
            kept->reuse();
            stopwatch watch;
            work(*kept, watch);
            kept->reuse();
            watch.pause();
            return watch.milliseconds();
          }};
}

/// For the work of a contestant.
/// @throws mismatch when they differ
void require_digest(std::uint64_t found, std::uint64_t expected);

/// How long to go on: for so many rounds; without, for as many as fit in a time, but 1 to 25.
struct duration_wanted {
  std::optional<std::size_t> rounds;
  std::chrono::duration<double> otherwise;
};

/// Times every contestant once a round, so that whatever disturbs the machine meets all of them alike.
/// @param title  for the progress
/// @throws mismatch, with the contestant's name before what it says
std::vector<measurement> time_in_rounds(const std::vector<contestant>& all, duration_wanted wanted,
                                        const std::string& title, progress& shown);

}  // namespace main_job
