// The contract of thread_exit.hpp by a callback the system runs when a thread ends. Those of a program are called in
// the order of their section names: compilers destroy thread_local objects in .CRT$XLD, so ours comes after that. The
// list is kept where the system has it for every thread (TlsAlloc) instead of in a thread_local variable: MinGW has
// freed those by now.

#include <allot/core/compiler.hpp>
#include <allot/os/thread_exit.hpp>
#include <utility>

#include "windows_system.hpp"

namespace allot::os {

class thread_exit_list {
 public:
  static status add(thread_exit_hook& hook) noexcept {
    const error_keeper keep;
    const DWORD list = slot();
    if (list == TLS_OUT_OF_INDEXES) return {memory_errc::out_of_memory, ERROR_NO_SYSTEM_RESOURCES};
    thread_exit_hook* const before = std::exchange(hook.next_, static_cast<thread_exit_hook*>(::TlsGetValue(list)));
    if (::TlsSetValue(list, &hook) != 0) return {};
    hook.next_ = before;
    return {memory_errc::out_of_memory, last_error()};
  }

  static void run_all() noexcept {
    const DWORD list = slot();
    if (list == TLS_OUT_OF_INDEXES) return;
    // Hooks that register hooks for ever are not gone along with for ever.
    constexpr int rounds = 4;
    for (int i = 0; i < rounds; ++i) {
      auto* newest = static_cast<thread_exit_hook*>(::TlsGetValue(list));
      ::TlsSetValue(list, nullptr);
      while (newest != nullptr) {
        thread_exit_hook& hook = *newest;
        newest = hook.next_;  // read now: the hook may register itself again, or free itself
        hook.run_(hook);
      }
    }
  }

 private:
  static DWORD slot() noexcept {
    static const DWORD made = ::TlsAlloc();
    return made;
  }
};

status at_thread_exit(thread_exit_hook& hook) noexcept { return thread_exit_list::add(hook); }

namespace {

extern "C" void NTAPI allot_thread_callback(PVOID, DWORD reason, PVOID) {
  if (reason == DLL_THREAD_DETACH) thread_exit_list::run_all();
}

}  // namespace
}  // namespace allot::os

#if !defined(ALLOT_KEEP_IN_SECTION)
// The names as linkers know them: those of 32 bits put an underscore before.
#if defined(_M_IX86)
#pragma comment(linker, "/INCLUDE:__tls_used")
#pragma comment(linker, "/INCLUDE:_allot_thread_callback_entry")
#else
#pragma comment(linker, "/INCLUDE:_tls_used")
#pragma comment(linker, "/INCLUDE:allot_thread_callback_entry")
#endif
#pragma const_seg(".CRT$XLY")
extern "C" const PIMAGE_TLS_CALLBACK allot_thread_callback_entry = &allot::os::allot_thread_callback;
#pragma const_seg()
#else
extern "C" {
extern const PIMAGE_TLS_CALLBACK allot_thread_callback_entry;
ALLOT_KEEP_IN_SECTION(".CRT$XLY")
const PIMAGE_TLS_CALLBACK allot_thread_callback_entry = &allot::os::allot_thread_callback;
}
#endif
