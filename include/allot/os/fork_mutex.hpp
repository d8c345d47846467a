#pragma once

#include <allot/core/compiler.hpp>
#include <mutex>

namespace allot::os {

/// A mutex that no child of fork() inherits locked by a thread the child does not have: a fork waits until it is free,
/// and holds it while the process is doubled, so that what it guards is whole in the child.
///
/// Copes with any number of its kind being locked at once by one thread, in any order: a fork takes all or none. The
/// hook is set up at the first lock in the process; where the system has no room for it a fork is what it is without.
/// On systems without fork() this is a std::mutex.
class ALLOT_EXPORT fork_mutex {
 public:
  fork_mutex() noexcept = default;
  ~fork_mutex();
  fork_mutex(const fork_mutex&) = delete;
  fork_mutex& operator=(const fork_mutex&) = delete;

  void lock() noexcept {
    mutex_.lock();
    if (!listed_) enlist();
  }
  bool try_lock() noexcept { return mutex_.try_lock(); }
  void unlock() noexcept { mutex_.unlock(); }

 private:
  friend class fork_mutex_list;

  void enlist() noexcept;

  std::mutex mutex_;
  bool listed_ = false;  // guarded by mutex_
  fork_mutex* next_ = nullptr;
  fork_mutex* previous_ = nullptr;
};

}  // namespace allot::os
