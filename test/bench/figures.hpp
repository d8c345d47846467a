#pragma once

#include <benchmark/benchmark.h>

#include <map>
#include <string>
#include <vector>

namespace allot::bench {

/// One figure: how long `ours` takes against `baseline`, both names of benchmarks in this program.
struct figure {
  std::string what;
  std::string ours;
  std::string baseline;  // empty: the goal is an absolute time in microseconds
  double goal;           // 0: printed only
};

/// All figures of the library, in the order of the table.
const std::vector<figure>& figures();

/// Prints Google Benchmark's progress and keeps the times of every repetition; then prints the figures as Markdown.
class figure_reporter : public benchmark::ConsoleReporter {
 public:
  figure_reporter() : ConsoleReporter(OO_None) {}
  void ReportRuns(const std::vector<Run>& runs) override;

  /// Ratios of the medians; figures whose benchmarks did not run are left out.
  void print_figures(std::ostream& out) const;

 private:
  std::map<std::string, std::vector<double>> microseconds_;  // of CPU time an iteration
  std::map<std::string, double> counters_;
};

}  // namespace allot::bench
