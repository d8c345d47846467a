#include "support/access.hpp"

#include <windows.h>
//
#include <psapi.h>

namespace allot::test {
namespace {

/// Calls use(region) for every region of the process that is not free.
template <class Use>
void for_each_region(Use use) {
  MEMORY_BASIC_INFORMATION region{};
  for (const char* at = nullptr; ::VirtualQuery(at, &region, sizeof region) != 0;) {
    if (region.State != MEM_FREE) use(region);
    at = static_cast<const char*>(region.BaseAddress) + region.RegionSize;
  }
}

}  // namespace

// ReadProcessMemory() would read through guards under Wine.
bool readable(const void* p) {
  MEMORY_BASIC_INFORMATION region{};
  if (::VirtualQuery(p, &region, sizeof region) == 0 || region.State != MEM_COMMIT) return false;
  return (region.Protect & (PAGE_NOACCESS | PAGE_EXECUTE | PAGE_GUARD)) == 0;
}

bool writable(void* p) {
  MEMORY_BASIC_INFORMATION region{};
  if (::VirtualQuery(p, &region, sizeof region) == 0 || region.State != MEM_COMMIT) return false;
  constexpr DWORD with_write = PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
  return (region.Protect & with_write) != 0 && (region.Protect & PAGE_GUARD) == 0;
}

std::size_t system_page_size() {
  SYSTEM_INFO info{};
  ::GetSystemInfo(&info);
  return info.dwPageSize;
}

std::size_t address_space() {
  std::size_t bytes = 0;
  for_each_region([&](const MEMORY_BASIC_INFORMATION& region) { bytes += region.RegionSize; });
  return bytes;
}

std::size_t resident() {
  PROCESS_MEMORY_COUNTERS counters{};
  ::GetProcessMemoryInfo(::GetCurrentProcess(), &counters, sizeof counters);
  return counters.WorkingSetSize;
}

std::size_t map_count() {
  std::size_t count = 0;
  for_each_region([&](const MEMORY_BASIC_INFORMATION&) { ++count; });
  return count;
}

const char* map_flags(const void*) { return ""; }

std::size_t committed_by_system() { return 0; }

}  // namespace allot::test
