// The contract of process_usage.hpp for systems with getrusage. What such systems tell beyond that is behind
// posix_extras.hpp.

#include <sys/resource.h>

#include <allot/os/process_usage.hpp>

#include "errno_keeper.hpp"
#include "posix_extras.hpp"

namespace allot::os {

process_usage usage_of_process() noexcept {
  const errno_keeper keep;
  process_usage now;
  now.resident = extras::resident_bytes();
  if (rusage used{}; ::getrusage(RUSAGE_SELF, &used) == 0)
    now.page_faults = static_cast<std::uint64_t>(used.ru_minflt) + static_cast<std::uint64_t>(used.ru_majflt);
  return now;
}

void give_back_free_heap() noexcept {
  const errno_keeper keep;
  extras::trim_heap();
}

}  // namespace allot::os
