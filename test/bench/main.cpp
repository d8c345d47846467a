#include <condition_variable>
#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/figures.hpp"

namespace {

/// A second thread that does nothing: glibc's locks are cheaper before the first one starts, and real programs have
/// threads.
class idle_thread {
 public:
  idle_thread()
      : thread_([this] {
          std::unique_lock lock(mutex_);
          ended_.wait(lock, [this] { return end_; });
        }) {}
  ~idle_thread() {
    {
      const std::lock_guard lock(mutex_);
      end_ = true;
    }
    ended_.notify_one();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;
  std::thread thread_;
};

}  // namespace

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

  const idle_thread second;
  allot::bench::figure_reporter reporter;
  reporter.SetOutputStream(&std::cerr);
  reporter.SetErrorStream(&std::cerr);
  benchmark::RunSpecifiedBenchmarks(&reporter);
  reporter.print_figures(std::cout);
}
