// The contracts of thread_exit.hpp with POSIX's thread-specific data: its destructors run after those of thread_local
// objects, and again for data that was set meanwhile.

#include <pthread.h>

#include <allot/os/thread_exit.hpp>
#include <utility>

namespace allot::os {

class thread_exit_list {
 public:
  static status add(thread_exit_hook& hook) noexcept {
    const key& list = list_key();
    if (list.code != 0) return {to_memory_errc(list.code), list.code};
    thread_exit_hook* const before =
        std::exchange(hook.next_, static_cast<thread_exit_hook*>(::pthread_getspecific(list.value)));
    const int code = ::pthread_setspecific(list.value, &hook);
    if (code == 0) return {};
    hook.next_ = before;
    return {to_memory_errc(code), code};
  }

 private:
  struct key {
    pthread_key_t value;
    int code;
  };

  static const key& list_key() noexcept {
    static const key made = [] {
      key fresh{};
      fresh.code = ::pthread_key_create(&fresh.value, &run_all);
      return fresh;
    }();
    return made;
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
