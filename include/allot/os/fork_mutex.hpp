#pragma once

#include <allot/core/compiler.hpp>
#include <atomic>
#include <mutex>
#include <thread>

namespace allot::os {

/// A mutex that no child of fork() inherits locked by a thread the child does not have: a fork waits until it is free,
/// and holds it while the process is doubled, so that what it guards is whole in the child.
///
/// Copes with any number of its kind being locked at once by one thread, in any order: a fork takes all or none. Those
/// that the forking thread holds itself stay held, in the child too. The first one made in the process sets up the
/// hook; where the system has no room for it a fork is what it is without. On systems without fork() this is a
/// std::mutex.
class ALLOT_EXPORT fork_mutex {
 public:
  fork_mutex() noexcept;
  ~fork_mutex();
  fork_mutex(const fork_mutex&) = delete;
  fork_mutex& operator=(const fork_mutex&) = delete;

  void lock() noexcept {
    mutex_.lock();
    note_holder();
  }
  bool try_lock() noexcept {
    if (!mutex_.try_lock()) return false;
    note_holder();
    return true;
  }
  void unlock() noexcept {
    holder_.store(std::thread::id(), std::memory_order_relaxed);
    mutex_.unlock();
  }

 private:
  friend class fork_mutex_list;

  void note_holder() noexcept { holder_.store(std::this_thread::get_id(), std::memory_order_relaxed); }
  bool is_held_here() const noexcept { return holder_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

  std::mutex mutex_;
  std::atomic<std::thread::id> holder_{};  // while it is locked
  fork_mutex* next_ = nullptr;
  fork_mutex* previous_ = nullptr;
};

}  // namespace allot::os
