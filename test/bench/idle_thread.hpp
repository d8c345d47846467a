#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

namespace allot::bench {

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

}  // namespace allot::bench
