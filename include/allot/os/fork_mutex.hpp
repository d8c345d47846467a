#pragma once

#include <allot/core/compiler.hpp>
#include <mutex>

namespace allot::os {

/// A mutex that no child of fork() inherits locked by a thread the child does not have: a fork waits until it is free,
/// and holds it while the process is doubled, so that what it guards is whole in the child.
///
/// Copes with any number of its kind being locked at once by one thread, in any order: a fork takes all or none. The
/// first one made in the process sets up the hook; where the system has no room for it a fork is what it is without. On
/// systems without fork() this is a std::mutex.
class ALLOT_EXPORT fork_mutex {
 public:
  fork_mutex() noexcept;
  ~fork_mutex();
  fork_mutex(const fork_mutex&) = delete;
  fork_mutex& operator=(const fork_mutex&) = delete;

  void lock() noexcept { mutex_.lock(); }
  bool try_lock() noexcept { return mutex_.try_lock(); }
  void unlock() noexcept { mutex_.unlock(); }

 private:
  friend class fork_mutex_list;

  std::mutex mutex_;
  fork_mutex* next_ = nullptr;
  fork_mutex* previous_ = nullptr;
};

}  // namespace allot::os
