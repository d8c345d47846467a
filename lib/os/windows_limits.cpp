// The contract of memory_limits.hpp for Windows: job objects are what control groups are elsewhere.

#include <algorithm>
#include <allot/os/memory_limits.hpp>
#include <atomic>

#include "windows_system.hpp"

namespace allot::os {
namespace {

std::atomic<const limits_injection*> injected{nullptr};

std::size_t bounded(unsigned long long bytes) noexcept {
  return static_cast<std::size_t>(std::min<unsigned long long>(bytes, memory_limit::none));
}

}  // namespace

process_limits memory_limits() noexcept {
  if (const limits_injection* const instead = injected.load()) return instead->answer_;
  const error_keeper keep;
  process_limits limits;
  MEMORYSTATUSEX memory{};
  memory.dwLength = sizeof memory;
  if (::GlobalMemoryStatusEx(&memory) != 0) {
    limits.address_space = {bounded(memory.ullTotalVirtual), bounded(memory.ullAvailVirtual)};
    // What may be committed is left, paging files included.
    limits.physical = {bounded(memory.ullTotalPhys), bounded(memory.ullAvailPageFile)};
  }
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION job{};
  if (::QueryInformationJobObject(nullptr, JobObjectExtendedLimitInformation, &job, sizeof job, nullptr) != 0) {
    const DWORD flags = job.BasicLimitInformation.LimitFlags;
    if ((flags & JOB_OBJECT_LIMIT_PROCESS_MEMORY) != 0) limits.data = {job.ProcessMemoryLimit, job.ProcessMemoryLimit};
    if ((flags & JOB_OBJECT_LIMIT_JOB_MEMORY) != 0) limits.control_group = {job.JobMemoryLimit, job.JobMemoryLimit};
  }
  SIZE_T least = 0;
  SIZE_T most = 0;
  if (::GetProcessWorkingSetSize(::GetCurrentProcess(), &least, &most) != 0) limits.locked = {most, most};
  return limits;
}

limits_injection::limits_injection(const process_limits& answer) noexcept : answer_(answer) { injected = this; }
limits_injection::~limits_injection() { injected = nullptr; }

}  // namespace allot::os
