#pragma once

#include <allot/core/compiler.hpp>
#include <allot/os/virtual_memory.hpp>
#include <atomic>

namespace allot::os {

/// Has `before` run in the thread that forks, before the process does, and `after` in parent and child. For locks: what
/// `before` locks no other thread holds at that moment, so the child does not inherit it locked for good. Hooks stay
/// for the life of the process; `before` of later ones runs first, and that of every fork_mutex last: who holds a lock
/// of his own may wait for one. On systems without fork() nothing is ever run.
/// noexcept and thread-safe; on failure nothing has changed.
[[nodiscard]] ALLOT_EXPORT status at_fork(void (*before)(), void (*after)()) noexcept;

/// Locks that a fork takes together with every fork_mutex: all of them or none, for a thread that holds one may wait
/// for another, in any order.
struct fork_locks {
  bool (*try_lock)() noexcept;  ///< all of these or none
  void (*unlock)() noexcept;    ///< in parent and child, or before the next try
  fork_locks* next = nullptr;   ///< set by join_fork_mutexes()
};

/// @param locks  stay for the life of the process
/// noexcept and thread-safe; on failure nothing has changed. Not to be called holding what try_lock() waits for.
[[nodiscard]] ALLOT_EXPORT status join_fork_mutexes(fork_locks& locks) noexcept;

/// Whether fork_count() counts. noexcept and thread-safe.
[[nodiscard]] ALLOT_EXPORT status count_forks() noexcept;

namespace detail {
status hook_all_fork_mutexes() noexcept;
status add_fork_hook(void (*before)(), void (*after)()) noexcept;
extern ALLOT_EXPORT std::atomic<unsigned> forks;
}  // namespace detail

/// How many forks this process is away from the one that loaded the library: another number than before says that this
/// is a child now.
inline unsigned fork_count() noexcept { return detail::forks.load(std::memory_order_relaxed); }

}  // namespace allot::os
