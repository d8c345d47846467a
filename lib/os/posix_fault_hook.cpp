// The contract of fault_hook.hpp for systems with sigaction.

#include <signal.h>

#include <allot/os/fault_hook.hpp>
#include <array>
#include <atomic>
#include <thread>

#include "errno_keeper.hpp"

namespace allot::os {
namespace {

extern "C" void handle_fault(int number, siginfo_t* info, void* context);

constexpr int called_once = static_cast<int>(SA_RESETHAND);

bool is_function(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
}

bool same_handler(const struct sigaction& a, const struct sigaction& b) noexcept {
  if ((a.sa_flags & SA_SIGINFO) != (b.sa_flags & SA_SIGINFO)) return false;
  return (a.sa_flags & SA_SIGINFO) != 0 ? a.sa_sigaction == b.sa_sigaction : a.sa_handler == b.sa_handler;
}

bool is_ours(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == &handle_fault;
}

/// A signal that tells of a fault, and who handled it before us.
struct fault_signal {
  int number;
  struct sigaction previous = {};
  bool taken = false;  // installed once, and not put back since

  void take() noexcept {
    struct sigaction current = {};
    if (::sigaction(number, nullptr, &current) != 0 || is_ours(current)) return;
    // A handler put on top of ours may call ours, which must not then call it.
    if (taken && is_function(current) && !same_handler(current, previous)) return;
    previous = current;
    struct sigaction ours = {};
    ours.sa_sigaction = &handle_fault;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigemptyset(&ours.sa_mask);
    taken = ::sigaction(number, &ours, nullptr) == 0;
  }

  void put_back() noexcept {
    struct sigaction current = {};
    if (!taken || ::sigaction(number, nullptr, &current) != 0 || !is_ours(current)) return;
    taken = ::sigaction(number, &previous, nullptr) != 0;
  }
};

}  // namespace

/// All of this is guarded by `busy`, a flag instead of a mutex because signal handlers may use only that.
struct fault_hook_list {
  static inline std::atomic_flag busy = ATOMIC_FLAG_INIT;
  static inline fault_hook* first = nullptr;
  static inline std::array<fault_signal, 2> signals{{{SIGSEGV}, {SIGBUS}}};

  static void lock() noexcept {
    while (busy.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  }

  /// For the handler: the thread that faulted may be the one that has locked.
  static bool lock_if_soon() noexcept {
    constexpr int patience = 10000;
    for (int i = 0; i < patience; ++i) {
      if (!busy.test_and_set(std::memory_order_acquire)) return true;
      std::this_thread::yield();
    }
    return false;
  }

  static void unlock() noexcept { busy.clear(std::memory_order_release); }

  static void add(fault_hook& hook) noexcept {
    lock();
    hook.next_ = first;
    first = &hook;
    for (fault_signal& each : signals) each.take();
    unlock();
  }

  static void remove(const fault_hook& hook) noexcept {
    lock();
    fault_hook** link = &first;
    while (*link != &hook) link = &(*link)->next_;
    *link = hook.next_;
    if (first == nullptr)
      for (fault_signal& each : signals) each.put_back();
    unlock();
  }

  static void run(const void* address) noexcept {
    for (const fault_hook* hook = first; hook != nullptr; hook = hook->next_) hook->run_(hook->context_, address);
  }

  /// Who handles the signal after us.
  static struct sigaction next_handler(int number) noexcept {
    fault_signal& found = signals[0].number == number ? signals[0] : signals[1];
    const struct sigaction next = found.previous;
    if ((next.sa_flags & called_once) != 0) found.previous = {};
    return next;
  }
};

namespace {

void pass_on(const struct sigaction& next, int number, siginfo_t* info, void* context, bool caused_by_fault) noexcept {
  if (!is_function(next)) {
    if (next.sa_handler == SIG_IGN && !caused_by_fault) return;
    // The default is the system's to carry out: on return the instruction faults again and ends the program where it
    // stands, so that a core dump shows it.
    ::sigaction(number, &next, nullptr);
    if (!caused_by_fault) ::raise(number);
    return;
  }
  // Blocks what the handler asked to have blocked; on return the system restores what was before the fault.
  ::pthread_sigmask(SIG_BLOCK, &next.sa_mask, nullptr);
  if ((next.sa_flags & SA_NODEFER) != 0) {
    sigset_t itself;
    ::sigemptyset(&itself);
    ::sigaddset(&itself, number);
    ::pthread_sigmask(SIG_UNBLOCK, &itself, nullptr);
  }
  if ((next.sa_flags & SA_SIGINFO) != 0) {
    next.sa_sigaction(number, info, context);
  } else {
    next.sa_handler(number);
  }
}

const void* address_of_fault(const siginfo_t& info) noexcept {
#ifdef SI_KERNEL
  if (info.si_code == SI_KERNEL && info.si_addr == nullptr) return fault_hook::untold();
#endif
  return info.si_addr;
}

extern "C" void handle_fault(int number, siginfo_t* info, void* context) {
  const errno_keeper keep;
  const bool caused_by_fault = info->si_code > 0;  // else a process sent it
  const bool locked = fault_hook_list::lock_if_soon();
  if (locked && caused_by_fault) fault_hook_list::run(address_of_fault(*info));
  const struct sigaction next = fault_hook_list::next_handler(number);
  if (locked) fault_hook_list::unlock();
  pass_on(next, number, info, context, caused_by_fault);
}

}  // namespace

fault_hook::fault_hook(function run, void* context) noexcept : run_(run), context_(context) {
  fault_hook_list::add(*this);
}

fault_hook::~fault_hook() { fault_hook_list::remove(*this); }

}  // namespace allot::os
