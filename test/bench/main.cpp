#include <iostream>
#include <vector>

#include "bench/figures.hpp"
#include "bench/idle_thread.hpp"

int main(int argc, char** argv) {
  // Interleaved repetitions unless told otherwise; what the command line says comes later and wins.
  std::vector<char*> arguments{argv[0]};
  char interleave[] = "--benchmark_enable_random_interleaving=true";
  char repeat[] = "--benchmark_repetitions=11";
  char time[] = "--benchmark_min_time=0.02";
  for (char* option : {interleave, repeat, time}) arguments.push_back(option);
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 64;

  const allot::bench::idle_thread second;
  allot::bench::figure_reporter reporter;
  reporter.SetOutputStream(&std::cerr);
  reporter.SetErrorStream(&std::cerr);
  benchmark::RunSpecifiedBenchmarks(&reporter);
  reporter.print_figures(std::cout);
}
