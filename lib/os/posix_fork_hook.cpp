#include <pthread.h>

#include <allot/os/fork_hook.hpp>

namespace allot::os {

status at_fork(void (*before)(), void (*after)()) noexcept {
  const int code = ::pthread_atfork(before, after, after);
  return {to_memory_errc(code), code};
}

}  // namespace allot::os
