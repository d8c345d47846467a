#pragma once

#include <allot/core/compiler.hpp>
#include <allot/os/virtual_memory.hpp>

namespace allot::os {

/// Something to be done when a thread ends. The object is the caller's and lives until it was run.
class thread_exit_hook {
 public:
  /// What is run, with the object it belongs to, which it may free.
  using function = void (*)(thread_exit_hook& self) noexcept;

  /// Nothing is run before at_thread_exit() was told of it.
  explicit thread_exit_hook(function run) noexcept : run_(run) {}
  thread_exit_hook(const thread_exit_hook&) = delete;
  thread_exit_hook& operator=(const thread_exit_hook&) = delete;

 private:
  friend class thread_exit_list;
  function run_;
  thread_exit_hook* next_ = nullptr;
};

/// Has `hook` run once when the calling thread ends, after the destructors of its thread_local objects. Hooks run in
/// the opposite order of their registration. A hook may register hooks, itself too; so may whatever else runs as late,
/// which the system allows for a few rounds. The main thread's hooks do not run when the program ends by leaving
/// main(). On Windows the system holds its loader's lock meanwhile: what a hook waits for must not load libraries, nor
/// wait for threads to start or to end. noexcept and thread-safe; on failure nothing has changed.
[[nodiscard]] ALLOT_EXPORT status at_thread_exit(thread_exit_hook& hook) noexcept;

}  // namespace allot::os
