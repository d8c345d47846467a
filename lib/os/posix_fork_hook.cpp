#include <pthread.h>

#include <allot/os/fork_hook.hpp>

namespace allot::os {

std::atomic<unsigned> detail::forks{0};

status at_fork(void (*before)(), void (*after)()) noexcept {
  (void)detail::hook_all_fork_mutexes();
  return detail::add_fork_hook(before, after);
}

status detail::add_fork_hook(void (*before)(), void (*after)()) noexcept {
  const int code = ::pthread_atfork(before, after, after);
  return {to_memory_errc(code), code};
}

namespace {

// When the library is loaded, before one thread can fork while another asks for it.
const int counting = ::pthread_atfork(nullptr, nullptr, [] { ++detail::forks; });

}  // namespace

status count_forks() noexcept { return {to_memory_errc(counting), counting}; }

}  // namespace allot::os
