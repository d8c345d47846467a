#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace allot::test {

/// A thread that does what it is told, one thing after the other, so that a test decides which thread does what when.
class worker {
 public:
  worker() = default;
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;
  ~worker() { end(); }

  /// Has the thread do it, and waits until it is done.
  void run(std::function<void()> work) {
    start(std::move(work));
    wait();
  }
  /// The same without waiting. One thing at a time.
  void start(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    work_ = std::move(work);
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !work_; });
  }
  /// Whether what was started is done before that time is over.
  bool done_within(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, std::chrono::system_clock::now() + time, [&] { return !work_; });
  }

  std::thread::id id() const { return thread_.get_id(); }
  void end() {
    if (!thread_.joinable()) return;
    wait();
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      changed_.notify_all();
    }
    thread_.join();
  }

 private:
  void loop() {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return work_ || ended_; });
        if (!work_) return;
      }
      work_();
      const std::lock_guard lock(mutex_);
      work_ = nullptr;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> work_;
  bool ended_ = false;
  std::thread thread_{[this] { loop(); }};
};

/// Runs work(0), work(1), ... in a thread each and waits for all.
template <class Work>
void in_threads(std::size_t count, Work work) {
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace allot::test
