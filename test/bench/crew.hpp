#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace allot::bench {

/// Threads that do one piece of work after another together, so that what an allocator keeps for a thread stays.
class crew {
 public:
  explicit crew(std::size_t threads);
  ~crew();

  std::size_t size() const { return threads_.size(); }

  /// Calls work(i) on thread i, on all at once, and waits for the last.
  /// @return nanoseconds on the wall clock from the first one's start to the last one's end
  double run(const std::function<void(std::size_t)>& work);

 private:
  using clock = std::chrono::steady_clock;
  void serve(std::size_t index);

  std::mutex mutex_;  // guards the next five
  std::condition_variable changed_;
  const std::function<void(std::size_t)>* work_ = nullptr;
  std::size_t task_ = 0;  // how many have been given
  std::size_t done_ = 0;  // threads that are through with the current one
  bool end_ = false;
  std::atomic<std::size_t> ready_{0};
  std::vector<clock::time_point> started_;
  std::vector<clock::time_point> ended_;
  std::vector<std::thread> threads_;
};

}  // namespace allot::bench
