#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace main_job {

/// A result that is not what new_delete_resource gave.
class mismatch : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The bytes one job takes.
struct footprint {
  std::size_t peak_live = 0;       ///< most bytes containers held at a time, as they asked for them
  std::size_t upstream_peak = 0;   ///< most bytes the resource held at a time
  std::size_t upstream_total = 0;  ///< all bytes the resource ever took
  bool from_system = false;        ///< taken from the operating system, not from the upstream given
};

/// Times in milliseconds, in the order taken; never empty when asked.
class samples {
 public:
  void add(double milliseconds) { times_.push_back(milliseconds); }
  std::size_t size() const noexcept { return times_.size(); }
  double median() const { return quantile(0.5); }

  /// How far the middle half of the times lies apart, as a part of the median.
  double spread() const { return (quantile(0.75) - quantile(0.25)) / median(); }

 private:
  /// Between two neighbours in order of size, in proportion.
  double quantile(double part) const;

  std::vector<double> times_;
};

/// One line of the report.
struct measurement {
  std::string_view name;
  footprint memory;
  samples cold;  ///< a fresh instance: made, used and destroyed
  samples warm;  ///< an instance that did the job once before
};

/// All measurements of one job, which are compared with the first of them.
struct comparison {
  std::string_view of;          ///< what did the job: "resource", "container"
  std::string_view title;       ///< of the chart
  std::string input;            ///< what the job was done with, in a few words
  std::string_view conditions;  ///< what cold and warm mean here, in a sentence
  std::vector<measurement> results;
};

/// What the job was.
struct job_size {
  std::size_t files = 0;
  std::size_t bytes = 0;
  std::size_t words = 0;
  std::size_t different_words = 0;
  std::size_t nodes = 0;
  std::uint64_t digest = 0;
};

}  // namespace main_job
