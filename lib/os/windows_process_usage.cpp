#include <malloc.h>

#include <allot/os/process_usage.hpp>

#include "windows_system.hpp"
//
#include <psapi.h>

namespace allot::os {

process_usage usage_of_process() noexcept {
  const error_keeper keep;
  PROCESS_MEMORY_COUNTERS counters{};
  if (::GetProcessMemoryInfo(::GetCurrentProcess(), &counters, sizeof counters) == 0) return {};
  return {counters.WorkingSetSize, counters.PageFaultCount};
}

void give_back_free_heap() noexcept {
  const error_keeper keep;
  (void)::_heapmin();
}

}  // namespace allot::os
