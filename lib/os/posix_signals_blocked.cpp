#include <signal.h>

#include <allot/os/signals_blocked.hpp>
#include <new>

namespace allot::os {

static_assert(sizeof(sigset_t) <= sizeof(signals_blocked), "there is no room for a set of signals");

signals_blocked::signals_blocked() noexcept {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, ::new (static_cast<void*>(before_.data())) sigset_t);
}

signals_blocked::~signals_blocked() {
  ::pthread_sigmask(SIG_SETMASK, std::launder(reinterpret_cast<sigset_t*>(before_.data())), nullptr);
}

}  // namespace allot::os
