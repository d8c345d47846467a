// A POSIX system of which nothing more is known than, mostly, how much memory the machine has.

#include <unistd.h>

#include <allot/core/checked_size.hpp>

#include "posix_extras.hpp"

namespace allot::os::extras {

void complete(process_limits& limits) noexcept {
#if defined(_SC_PHYS_PAGES)
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGESIZE);
  std::size_t bytes = 0;
  if (pages > 0 && page > 0 && checked_multiply(static_cast<std::size_t>(pages), static_cast<std::size_t>(page), bytes))
    limits.physical = {bytes, bytes};
#else
  (void)limits;
#endif
}

std::size_t resident_bytes() noexcept { return 0; }

void trim_heap() noexcept {}

}  // namespace allot::os::extras
