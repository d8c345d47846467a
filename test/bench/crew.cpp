#include "bench/crew.hpp"

#include <algorithm>

namespace allot::bench {

crew::crew(std::size_t threads) : started_(threads), ended_(threads) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i] { serve(i); });
}

crew::~crew() {
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  changed_.notify_all();
  for (std::thread& t : threads_) t.join();
}

double crew::run(const std::function<void(std::size_t)>& work) {
  std::unique_lock lock(mutex_);
  work_ = &work;
  done_ = 0;
  ready_ = 0;
  ++task_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return done_ == size(); });
  const auto first = *std::min_element(started_.begin(), started_.end());
  const auto last = *std::max_element(ended_.begin(), ended_.end());
  return std::chrono::duration<double, std::nano>(last - first).count();
}

void crew::serve(std::size_t index) {
  for (std::size_t task = 1;; ++task) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return end_ || task_ == task; });
    if (end_) return;
    const auto& work = *work_;
    lock.unlock();
    // All have woken up before the first one begins: threads may take long to wake.
    ++ready_;
    while (ready_ != started_.size()) std::this_thread::yield();
    started_[index] = clock::now();
    work(index);
    ended_[index] = clock::now();
    lock.lock();
    if (++done_ == started_.size()) changed_.notify_all();
  }
}

}  // namespace allot::bench
