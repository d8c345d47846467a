// The contracts of thread_exit.hpp with POSIX's thread-specific data: its destructors run after those of thread_local
// objects, and again for data that was set meanwhile.

#include <pthread.h>

#include <allot/os/thread_exit.hpp>
#include <mutex>
#include <utility>

namespace allot::os {

class thread_exit_list {
 public:
  static status add(thread_exit_hook& hook) noexcept {
    pthread_key_t list{};
    int code = list_key(list);
    if (code != 0) return {to_memory_errc(code), code};
    thread_exit_hook* const before =
        std::exchange(hook.next_, static_cast<thread_exit_hook*>(::pthread_getspecific(list)));
    code = ::pthread_setspecific(list, &hook);
    if (code == 0) return {};
    hook.next_ = before;
    return {to_memory_errc(code), code};
  }

 private:
  /// The key all threads' lists are under. A refused one is tried for again by the next call.
  static int list_key(pthread_key_t& key) noexcept {
    static std::mutex mutex;
    static pthread_key_t made{};
    static bool is_made = false;
    const std::lock_guard lock(mutex);
    if (!is_made) {
      if (const int code = ::pthread_key_create(&made, &run_all); code != 0) return code;
      is_made = true;
    }
    key = made;
    return 0;
  }

  static void run_all(void* newest) noexcept {
    auto* hook = static_cast<thread_exit_hook*>(newest);
    while (hook != nullptr) {
      thread_exit_hook& next_to_run = *std::exchange(hook, hook->next_);
      next_to_run.run_(next_to_run);
    }
  }
};

status at_thread_exit(thread_exit_hook& hook) noexcept { return thread_exit_list::add(hook); }

}  // namespace allot::os
