#include <allot/core/never_destroyed.hpp>
#include <allot/os/fork_hook.hpp>
#include <allot/os/fork_mutex.hpp>
#include <thread>

namespace allot::os {

/// All there are. A thread may hold one of them while it waits for the list's own mutex, so a fork, which takes that
/// first, only tries for theirs.
class fork_mutex_list {
 public:
  static status hook() noexcept {
    static const status outcome = detail::add_fork_hook(&lock_all, &unlock_all);
    return outcome;
  }

  static void add(fork_mutex& mutex) noexcept {
    (void)hook();
    const std::lock_guard lock(own());
    mutex.next_ = first;
    if (first != nullptr) first->previous_ = &mutex;
    first = &mutex;
  }

  static void join(fork_locks& locks) noexcept {
    const std::lock_guard lock(own());
    locks.next = joined;
    joined = &locks;
  }

  static void remove(fork_mutex& mutex) noexcept {
    const std::lock_guard lock(own());
    if (mutex.next_ != nullptr) mutex.next_->previous_ = mutex.previous_;
    (mutex.previous_ != nullptr ? mutex.previous_->next_ : first) = mutex.next_;
  }

 private:
  static std::mutex& own() noexcept {
    struct guard_of_list {
      std::mutex mutex;
    };
    return never_destroyed<guard_of_list>().mutex;
  }

  static void lock_all() noexcept {
    while (!try_lock_all()) std::this_thread::yield();
  }

  static bool try_lock_all() noexcept {
    own().lock();
    for (fork_mutex* each = first; each != nullptr; each = each->next_) {
      if (each->is_held_here() || each->mutex_.try_lock()) continue;
      unlock_up_to(each);
      own().unlock();
      return false;
    }
    for (fork_locks* each = joined; each != nullptr; each = each->next) {
      if (each->try_lock()) continue;
      unlock_joined_up_to(each);
      unlock_up_to(nullptr);
      own().unlock();
      return false;
    }
    return true;
  }

  static void unlock_all() noexcept {
    unlock_joined_up_to(nullptr);
    unlock_up_to(nullptr);
    own().unlock();
  }

  /// But for those this thread held before.
  static void unlock_up_to(const fork_mutex* end) noexcept {
    for (fork_mutex* taken = first; taken != end; taken = taken->next_)
      if (!taken->is_held_here()) taken->mutex_.unlock();
  }

  static void unlock_joined_up_to(const fork_locks* end) noexcept {
    for (fork_locks* taken = joined; taken != end; taken = taken->next) taken->unlock();
  }

  static inline fork_mutex* first = nullptr;
  static inline fork_locks* joined = nullptr;
};

status detail::hook_all_fork_mutexes() noexcept { return fork_mutex_list::hook(); }

status join_fork_mutexes(fork_locks& locks) noexcept {
  const status hooked = fork_mutex_list::hook();
  if (hooked) fork_mutex_list::join(locks);
  return hooked;
}

fork_mutex::fork_mutex() noexcept { fork_mutex_list::add(*this); }

fork_mutex::~fork_mutex() { fork_mutex_list::remove(*this); }

}  // namespace allot::os
