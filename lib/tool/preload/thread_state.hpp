#pragma once

#include <allot/core/compiler.hpp>

namespace allot::preload {

/// Where the calling thread is. In a static part of a thread's memory, so looking allocates nothing.
struct thread_state {
  unsigned inside = 0;  ///< calls of ours it is in: what they ask of malloc() is for the bootstrap
  bool in_bootstrap = false;
};

extern ALLOT_INITIAL_EXEC thread_local thread_state this_thread;

inline bool in_bootstrap() noexcept { return this_thread.in_bootstrap; }

struct bootstrap_scope {
  bootstrap_scope() noexcept { this_thread.in_bootstrap = true; }
  ~bootstrap_scope() { this_thread.in_bootstrap = false; }
  bootstrap_scope(const bootstrap_scope&) = delete;
  bootstrap_scope& operator=(const bootstrap_scope&) = delete;
};

/// While one lives, what the thread asks of malloc() is for ourselves.
struct inside_scope {
  inside_scope() noexcept { ++this_thread.inside; }
  ~inside_scope() { --this_thread.inside; }
  inside_scope(const inside_scope&) = delete;
  inside_scope& operator=(const inside_scope&) = delete;
};

}  // namespace allot::preload
