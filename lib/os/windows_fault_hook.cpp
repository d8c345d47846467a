// The contract of fault_hook.hpp by a vectored exception handler, which the system asks before any other. It looks and
// lets the exception go on to whoever handles it.

#include <allot/os/fault_hook.hpp>
#include <atomic>

#include "windows_system.hpp"

namespace allot::os {
namespace {

LONG CALLBACK look_at_exception(EXCEPTION_POINTERS* exception);

}  // namespace

/// Guarded by `busy`, which the handler tries for only so long: the thread that faulted may be the one that has it.
struct fault_hook_list {
  static inline std::atomic_flag busy = ATOMIC_FLAG_INIT;
  static inline fault_hook* first = nullptr;
  static inline void* handler = nullptr;
  static inline std::atomic<DWORD> runner{0};  // the thread that runs hooks

  static void lock() noexcept {
    while (busy.test_and_set(std::memory_order_acquire)) ::SwitchToThread();
  }

  static bool lock_if_soon() noexcept {
    constexpr int patience = 10000;
    for (int i = 0; i < patience; ++i) {
      if (!busy.test_and_set(std::memory_order_acquire)) return true;
      ::SwitchToThread();
    }
    return false;
  }

  static void unlock() noexcept { busy.clear(std::memory_order_release); }

  static void add(fault_hook& hook) noexcept {
    const error_keeper keep;
    lock();
    hook.next_ = first;
    first = &hook;
    constexpr ULONG before_others = 1;
    if (handler == nullptr) handler = ::AddVectoredExceptionHandler(before_others, &look_at_exception);
    unlock();
  }

  static void remove(const fault_hook& hook) noexcept {
    const error_keeper keep;
    lock();
    fault_hook** link = &first;
    while (*link != &hook) link = &(*link)->next_;
    *link = hook.next_;
    void* const unused = first == nullptr ? handler : nullptr;
    if (unused != nullptr) handler = nullptr;
    unlock();
    // Not under the lock: it may wait for handlers that run, and these for the lock. Where it does not wait, they find
    // the list empty.
    if (unused != nullptr) ::RemoveVectoredExceptionHandler(unused);
  }

  /// A fault in a hook ends the program, as on other systems: no handler of its own may go on with the list locked.
  static bool runs_here() noexcept { return runner.load(std::memory_order_relaxed) == ::GetCurrentThreadId(); }

  static void run(const void* address) noexcept {
    runner.store(::GetCurrentThreadId(), std::memory_order_relaxed);
    for (const fault_hook* hook = first; hook != nullptr; hook = hook->next_) hook->run_(hook->context_, address);
    runner.store(0, std::memory_order_relaxed);
  }
};

namespace {

LONG CALLBACK look_at_exception(EXCEPTION_POINTERS* exception) {
  const EXCEPTION_RECORD& record = *exception->ExceptionRecord;
  const bool is_fault =
      record.ExceptionCode == EXCEPTION_ACCESS_VIOLATION || record.ExceptionCode == EXCEPTION_IN_PAGE_ERROR;
  constexpr DWORD address_of_it = 1;
  if (!is_fault || record.NumberParameters <= address_of_it) return EXCEPTION_CONTINUE_SEARCH;
  const error_keeper keep;
  if (fault_hook_list::runs_here()) ::TerminateProcess(::GetCurrentProcess(), record.ExceptionCode);
  if (fault_hook_list::lock_if_soon()) {
    fault_hook_list::run(reinterpret_cast<const void*>(record.ExceptionInformation[address_of_it]));
    fault_hook_list::unlock();
  }
  return EXCEPTION_CONTINUE_SEARCH;
}

}  // namespace

fault_hook::fault_hook(function run, void* context) noexcept : run_(run), context_(context) {
  fault_hook_list::add(*this);
}

fault_hook::~fault_hook() { fault_hook_list::remove(*this); }

}  // namespace allot::os
