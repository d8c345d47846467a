// The contracts of virtual_memory.hpp for Windows. What the system does differently from POSIX:
//  - Mappings start at multiples of 64 KiB (the granularity), not at pages, and end only as a whole (see
//    windows_allocations.hpp).
//  - A range of ours may be made of several allocations side by side, and no call reaches over their border: every call
//    here goes from one to the next.

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/virtual_memory.hpp>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "windows_allocations.hpp"
#include "windows_system.hpp"

namespace allot::os {
namespace {

DWORD protection_of(access rights) noexcept {
  if (includes(rights, access::execute)) {
    if (includes(rights, access::write)) return PAGE_EXECUTE_READWRITE;
    return includes(rights, access::read) ? PAGE_EXECUTE_READ : PAGE_EXECUTE;
  }
  if (includes(rights, access::write)) return PAGE_READWRITE;
  return includes(rights, access::read) ? PAGE_READONLY : PAGE_NOACCESS;
}

constexpr int no_memory = ERROR_NOT_ENOUGH_MEMORY;

/// Whether this process has locked pages: which they are is not known.
std::atomic<bool> ever_locked{false};

status failure(int code) noexcept { return {to_memory_errc(code), code}; }

std::byte* at(void* p, std::size_t offset) noexcept { return static_cast<std::byte*>(p) + offset; }

/// What the system knows of an address; of state MEM_FREE where it knows nothing.
MEMORY_BASIC_INFORMATION region_at(const void* p) noexcept {
  MEMORY_BASIC_INFORMATION found{};
  if (::VirtualQuery(p, &found, sizeof found) == 0) {
    found = {};
    found.State = MEM_FREE;
  }
  return found;
}

bool is_free(std::byte* p, std::size_t bytes) noexcept {
  for (std::byte* const end = p + bytes; p < end;) {
    const MEMORY_BASIC_INFORMATION region = region_at(p);
    if (region.State != MEM_FREE) return false;
    if (region.RegionSize == 0) return true;
    p = static_cast<std::byte*>(region.BaseAddress) + region.RegionSize;
  }
  return true;
}

/// One allocation's part of a range.
struct piece {
  void* allocation;
  std::byte* begin;
  std::size_t bytes;
};

/// The first part of a range that is not empty.
piece first_piece(std::byte* p, std::size_t bytes) noexcept {
  MEMORY_BASIC_INFORMATION region = region_at(p);
  const piece found{region.AllocationBase, p, bytes};
  if (region.State == MEM_FREE) return found;  // what is done with it fails
  std::byte* const end = p + bytes;
  std::byte* next = p;
  do {
    next = static_cast<std::byte*>(region.BaseAddress) + region.RegionSize;
    if (next >= end) return found;
    region = region_at(next);
  } while (region.State != MEM_FREE && region.AllocationBase == found.allocation);
  return {found.allocation, p, static_cast<std::size_t>(next - p)};
}

/// Calls work(begin, bytes) for the whole range and, where that is refused, for each allocation's part of it. 0, or the
/// code of the first that failed; `done` is how many bytes were gone through then.
template <class Work>
int for_each_piece(void* p, std::size_t bytes, std::size_t& done, Work work) noexcept {
  done = 0;
  int code = work(static_cast<std::byte*>(p), bytes);
  if (code == 0) {
    done = bytes;
    return 0;
  }
  if (first_piece(static_cast<std::byte*>(p), bytes).bytes == bytes) return code;
  while (done != bytes) {
    const piece part = first_piece(at(p, done), bytes - done);
    code = work(part.begin, part.bytes);
    if (code != 0) return code;
    done += part.bytes;
  }
  return 0;
}

template <class Work>
int for_each_piece(void* p, std::size_t bytes, Work work) noexcept {
  std::size_t done = 0;
  return for_each_piece(p, bytes, done, work);
}

int commit_pages(void* p, std::size_t bytes, access rights) noexcept {
  const DWORD protection = protection_of(rights);
  const auto commit_piece = [&](std::byte* begin, std::size_t size) noexcept {
    return ::VirtualAlloc(begin, size, MEM_COMMIT, protection) != nullptr ? 0 : last_error();
  };
  std::size_t done = 0;
  const int code = for_each_piece(p, bytes, done, commit_piece);
  // Parts before the one that failed are of other allocations, committed by this call: callers commit what is not.
  if (code != 0 && done != 0)
    for_each_piece(p, done, [](std::byte* begin, std::size_t size) noexcept {
      return ::VirtualFree(begin, size, MEM_DECOMMIT) != 0 ? 0 : last_error();
    });
  return code;
}

int decommit_pages(void* p, std::size_t bytes) noexcept {
  return for_each_piece(p, bytes, [](std::byte* begin, std::size_t size) noexcept {
    return ::VirtualFree(begin, size, MEM_DECOMMIT) != 0 ? 0 : last_error();
  });
}

/// Memory this process had a moment ago: refused only if others took all there is meanwhile, and then waited for. There
/// is no way back, since its owner was promised it.
void commit_again(void* p, std::size_t bytes, access rights) noexcept {
  constexpr int patience = 10000;
  for (int i = 0; commit_pages(p, bytes, rights) != 0; ++i) {
    if (i == patience) {
      write_diagnostic("allot: the system does not give memory back that was given to it a moment ago");
      std::abort();
    }
    ::Sleep(1);
  }
}

int protect_committed(std::byte* begin, std::size_t bytes, DWORD protection) noexcept {
  DWORD before = 0;
  return ::VirtualProtect(begin, bytes, protection, &before) != 0 ? 0 : last_error();
}

/// Calls work(state, begin, bytes) for each stretch of a range that is alike; 0, or the code of the first that failed.
template <class Work>
int for_each_stretch(void* p, std::size_t bytes, Work work) noexcept {
  for (std::size_t done = 0; done < bytes;) {
    std::byte* const begin = at(p, done);
    const MEMORY_BASIC_INFORMATION region = region_at(begin);
    if (region.State == MEM_FREE) return ERROR_INVALID_ADDRESS;
    const auto left = static_cast<std::size_t>(static_cast<std::byte*>(region.BaseAddress) + region.RegionSize - begin);
    const std::size_t size = std::min(bytes - done, left);
    if (const int code = work(region.State, begin, size); code != 0) return code;
    done += size;
  }
  return 0;
}

/// Pages that are reserved only have no access to change. They are committed first, without any, so that nothing has
/// changed if that is refused.
int protect_pages(void* p, std::size_t bytes, access rights) noexcept {
  const DWORD protection = protection_of(rights);
  if (protect_committed(static_cast<std::byte*>(p), bytes, protection) == 0) return 0;
  if (rights == access::none)
    return for_each_stretch(p, bytes, [protection](DWORD state, std::byte* begin, std::size_t size) noexcept {
      return state == MEM_COMMIT ? protect_committed(begin, size, protection) : 0;
    });
  const int code = for_each_stretch(p, bytes, [](DWORD state, std::byte* begin, std::size_t size) noexcept {
    if (state != MEM_RESERVE) return 0;
    return ::VirtualAlloc(begin, size, MEM_COMMIT, PAGE_NOACCESS) != nullptr ? 0 : last_error();
  });
  if (code != 0) return code;
  return for_each_piece(p, bytes, [protection](std::byte* begin, std::size_t size) noexcept {
    return protect_committed(begin, size, protection);
  });
}

/// Reserves the granules a range lies in; null and the code when that is refused.
void* reserve_at(std::byte* begin, std::size_t bytes, int& code) noexcept {
  auto* const base = reinterpret_cast<std::byte*>(align_down(address_of(begin), facts().granularity));
  std::size_t total = 0;
  if (!checked_add(static_cast<std::size_t>(begin - base), bytes, total) ||
      !checked_align_up(total, facts().granularity, total)) {
    code = no_memory;
    return nullptr;
  }
  void* const made = ::VirtualAlloc(base, total, MEM_RESERVE, PAGE_NOACCESS);
  code = made != nullptr ? 0 : last_error();
  if (made == nullptr || windows::note_allocation(made, total, begin, bytes)) return made;
  ::VirtualFree(made, 0, MEM_RELEASE);
  code = no_memory;
  return nullptr;
}

/// The rest of a granule that belongs to what ends right before it, and whole granules behind.
bool reserve_behind(std::byte* begin, std::size_t bytes) noexcept {
  const MEMORY_BASIC_INFORMATION region = region_at(begin);
  if (region.State == MEM_FREE) return false;
  const std::size_t claimed = windows::claim_behind(region.AllocationBase, begin, bytes);
  int code = 0;
  if (claimed == bytes) return true;
  if (claimed == 0) return false;
  if (reserve_at(begin + claimed, bytes - claimed, code) != nullptr) return true;
  if (windows::note_release(region.AllocationBase, begin, claimed) == 0)  // all the rest was released meanwhile
    ::VirtualFree(region.AllocationBase, 0, MEM_RELEASE);
  return false;
}

mapping reserve_fixed(std::size_t bytes, placement where) noexcept {
  auto* const begin = static_cast<std::byte*>(where.address);
  int code = 0;
  if (reserve_behind(begin, bytes) || reserve_at(begin, bytes, code) != nullptr) return {begin, {}};
  auto* const base = reinterpret_cast<std::byte*>(align_down(address_of(begin), facts().granularity));
  if (!is_free(base, static_cast<std::size_t>(begin - base) + bytes))
    return {nullptr, {memory_errc::address_in_use, code}};
  if (code == ERROR_INVALID_PARAMETER) return {nullptr, {memory_errc::invalid_address, code}};
  return {nullptr, failure(code)};
}

mapping reserve_anywhere(std::size_t bytes, std::size_t alignment, std::size_t aligned_byte) noexcept {
  int code = 0;
  const std::size_t granularity = facts().granularity;
  std::size_t granules = 0;
  if (!checked_align_up(bytes, granularity, granules)) return {nullptr, {memory_errc::out_of_memory, no_memory}};
  if (alignment <= granularity && aligned_byte % alignment == 0) {
    void* const p = ::VirtualAlloc(nullptr, granules, MEM_RESERVE, PAGE_NOACCESS);
    if (p == nullptr) {
      code = last_error();
      // Said of sizes no process can have.
      return {nullptr, {code == ERROR_INVALID_PARAMETER ? memory_errc::out_of_memory : to_memory_errc(code), code}};
    }
    if (windows::note_allocation(p, granules, p, bytes)) return {p, {}};
    ::VirtualFree(p, 0, MEM_RELEASE);
    return {nullptr, failure(no_memory)};
  }
  // Look for a place with room to align in, give it back, and take what is needed of it, if nobody was faster.
  std::size_t total = 0;
  if (!checked_add(granules, std::max(alignment, granularity), total))
    return {nullptr, {memory_errc::size_overflow, 0}};
  // Others of ours would take the same place: they wait.
  static SRWLOCK aligning = SRWLOCK_INIT;
  const exclusive_hold held(aligning);
  constexpr int tries = 16;
  for (int i = 0; i < tries; ++i) {
    void* const room = ::VirtualAlloc(nullptr, total, MEM_RESERVE, PAGE_NOACCESS);
    if (room == nullptr) {
      code = last_error();
      return {nullptr, {code == ERROR_INVALID_PARAMETER ? memory_errc::out_of_memory : to_memory_errc(code), code}};
    }
    ::VirtualFree(room, 0, MEM_RELEASE);
    std::byte* const begin = at(room, padding_for(address_of(room) + aligned_byte, alignment));
    if (reserve_at(begin, bytes, code) != nullptr) return {begin, {}};
  }
  return {nullptr, {memory_errc::out_of_memory, code}};
}

mapping place(std::size_t bytes, std::size_t alignment, placement where) noexcept {
  if (facts().page_size == 0) return {nullptr, {memory_errc::page_size_unknown, 0}};
  if (!is_power_of_two(alignment)) return {nullptr, {memory_errc::invalid_alignment, 0}};
  if (failure_injection::due(os_call::map)) return {nullptr, failure(no_memory)};
  if (where.rule == placement::how::anywhere) return reserve_anywhere(bytes, alignment, where.aligned_byte);

  const bool possible = where.address != nullptr && is_aligned(where.address, facts().page_size) &&
                        padding_for(address_of(where.address) + where.aligned_byte, alignment) == 0;
  if (where.rule == placement::how::fixed)
    return possible ? reserve_fixed(bytes, where) : mapping{nullptr, {memory_errc::invalid_address, 0}};
  if (possible) {
    if (const mapping made = reserve_fixed(bytes, where); made) return made;
  }
  return reserve_anywhere(bytes, alignment, where.aligned_byte);
}

int release_pages(void* p, std::size_t bytes) noexcept {
  for (std::size_t done = 0; done != bytes;) {
    const piece part = first_piece(at(p, done), bytes - done);
    if (part.allocation == nullptr) return ERROR_INVALID_ADDRESS;
    // Once the books are changed the pages may be another thread's: what is left to do with them is done before.
    bool last = windows::note_end(part.allocation, part.bytes);
    if (!last) {
      if (::VirtualFree(part.begin, part.bytes, MEM_DECOMMIT) == 0) return last_error();
      last = windows::note_release(part.allocation, part.begin, part.bytes) == 0;
    }
    if (last && ::VirtualFree(part.allocation, 0, MEM_RELEASE) == 0) return last_error();
    done += part.bytes;
  }
  return 0;
}

page_facts find_facts() noexcept {
  const error_keeper keep;
  page_facts found;
  if (failure_injection::due(os_call::page_size)) return found;
  SYSTEM_INFO info{};
  ::GetSystemInfo(&info);
  found.page_size = info.dwPageSize;
  found.granularity = info.dwAllocationGranularity;
  found.large_page_size = ::GetLargePageMinimum();
  found.locks_last = false;
  return found;
}

}  // namespace

const page_facts& facts() noexcept {
  static page_facts found = find_facts();
  return found;
}

mapping reserve(std::size_t bytes, std::size_t alignment, placement where) noexcept {
  const error_keeper keep;
  return place(bytes, alignment, where);
}

mapping map(std::size_t bytes, std::size_t alignment, access rights, placement where) noexcept {
  const error_keeper keep;
  const mapping made = place(bytes, alignment, where);
  if (!made) return made;
  const int code = commit_pages(made.address, bytes, rights);
  if (code == 0) return made;
  (void)release_pages(made.address, bytes);
  return {nullptr, failure(code)};
}

status commit(void* p, std::size_t bytes, access rights) noexcept {
  const error_keeper keep;
  return failure(failure_injection::due(os_call::protect) ? no_memory : commit_pages(p, bytes, rights));
}

status commit_large(void*, std::size_t, access) noexcept {
  const error_keeper keep;
  // Windows has large pages only for a whole allocation made with them, by who has the right to lock memory; ours are
  // part of a reservation with guards.
  if (failure_injection::due(os_call::map)) return {memory_errc::large_pages_unavailable, no_memory};
  const bool may_lock = [] {
    HANDLE token = nullptr;
    if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, &token) == 0) return false;
    PRIVILEGE_SET wanted{};
    wanted.PrivilegeCount = 1;
    wanted.Control = PRIVILEGE_SET_ALL_NECESSARY;
    BOOL held = FALSE;
    if (::LookupPrivilegeValueA(nullptr, "SeLockMemoryPrivilege", &wanted.Privilege[0].Luid) != 0)
      ::PrivilegeCheck(token, &wanted, &held);
    ::CloseHandle(token);
    return held != FALSE;
  }();
  return {memory_errc::large_pages_unavailable, may_lock ? ERROR_NOT_SUPPORTED : ERROR_PRIVILEGE_NOT_HELD};
}

status decommit(void* p, std::size_t bytes) noexcept {
  const error_keeper keep;
  return failure(failure_injection::due(os_call::map) ? no_memory : decommit_pages(p, bytes));
}

status release(void* p, std::size_t bytes) noexcept {
  const error_keeper keep;
  if (failure_injection::due(os_call::unmap)) return {memory_errc::map_limit, no_memory};
  return failure(release_pages(p, bytes));
}

status protect(void* p, std::size_t bytes, access rights) noexcept {
  const error_keeper keep;
  int code = no_memory;
  if (!failure_injection::due(os_call::protect)) code = protect_pages(p, bytes, rights);
  status why = failure(code);
  if (code != 0 && why.error != memory_errc::permission_denied) why.error = memory_errc::protection_failed;
  return why;
}

status guard(void* p, std::size_t bytes) noexcept { return decommit(p, bytes); }

status unguard(void* p, std::size_t bytes, access rights) noexcept { return commit(p, bytes, rights); }

status zero_pages(void* p, std::size_t bytes, access rights) noexcept {
  const error_keeper keep;
  const bool writable = includes(rights, access::write);
  // Pages that come again would not be locked any more.
  const bool must_stay = writable && ever_locked.load(std::memory_order_relaxed);
  const bool may_drop = !failure_injection::due(os_call::advise) && bytes >= facts().granularity && !must_stay;
  if (may_drop && decommit_pages(p, bytes) == 0) {
    commit_again(p, bytes, rights);
    return {};
  }
  if (!writable) {
    if (failure_injection::due(os_call::protect)) return failure(no_memory);
    if (const int code = protect_pages(p, bytes, access::read_write); code != 0) return failure(code);
  }
  std::memset(p, 0, bytes);
  return writable ? status{} : failure(protect_pages(p, bytes, rights));
}

status populate(void* p, std::size_t bytes) noexcept {
  const error_keeper keep;
  if (failure_injection::due(os_call::advise)) return failure(no_memory);
  // Touch every page and change nothing, even while other threads write there.
  for (std::size_t offset = 0; offset < bytes; offset += facts().page_size) {
    auto* word = reinterpret_cast<std::atomic<unsigned char>*>(at(p, offset));
    word->fetch_or(0, std::memory_order_relaxed);
  }
  return {};
}

status advise(void*, std::size_t, advice wish) noexcept {
  if (failure_injection::due(os_call::advise)) return failure(no_memory);
  // No process has a copy of another's memory here.
  if (wish == advice::wipe_on_fork || wish == advice::no_fork) return {};
  return failure(ERROR_NOT_SUPPORTED);
}

status lock(void* p, std::size_t bytes) noexcept {
  const error_keeper keep;
  const auto lock_piece = [](std::byte* begin, std::size_t size) noexcept {
    if (::VirtualLock(begin, size) != 0) return 0;
    const int code = last_error();
    if (code != ERROR_WORKING_SET_QUOTA) return code;
    // A process may lock about as much as its least working set, which it may raise itself.
    static SRWLOCK raising = SRWLOCK_INIT;
    const exclusive_hold held(raising);
    SIZE_T least = 0;
    SIZE_T most = 0;
    if (::GetProcessWorkingSetSize(::GetCurrentProcess(), &least, &most) == 0 ||
        ::SetProcessWorkingSetSize(::GetCurrentProcess(), least + size, std::max(most, least) + size) == 0)
      return code;
    if (::VirtualLock(begin, size) != 0) return 0;
    const int again = last_error();
    ::SetProcessWorkingSetSize(::GetCurrentProcess(), least, most);
    return again;
  };
  std::size_t done = 0;
  const int code = failure_injection::due(os_call::lock) ? no_memory : for_each_piece(p, bytes, done, lock_piece);
  if (code == 0) {
    ever_locked.store(true, std::memory_order_relaxed);
    return {};
  }
  if (done != 0)
    for_each_piece(p, done, [](std::byte* begin, std::size_t size) noexcept {
      return ::VirtualUnlock(begin, size) != 0 ? 0 : last_error();
    });
  return {code == no_memory || code == ERROR_WORKING_SET_QUOTA ? memory_errc::lock_limit : to_memory_errc(code), code};
}

status unlock(void* p, std::size_t bytes) noexcept {
  const error_keeper keep;
  if (failure_injection::due(os_call::lock)) return failure(no_memory);
  return failure(for_each_piece(p, bytes, [](std::byte* begin, std::size_t size) noexcept {
    if (::VirtualUnlock(begin, size) != 0) return 0;
    const int code = last_error();
    return code == ERROR_NOT_LOCKED ? 0 : code;
  }));
}

status move_pages(void*, std::size_t, void*) noexcept {
  return failure(failure_injection::due(os_call::remap) ? no_memory : ERROR_NOT_SUPPORTED);
}

status set_name(void*, std::size_t, const char*) noexcept {
  return failure(failure_injection::due(os_call::advise) ? no_memory : ERROR_NOT_SUPPORTED);
}

memory_errc to_memory_errc(int os_code) noexcept {
  switch (os_code) {
    case ERROR_SUCCESS:
      return memory_errc::success;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_COMMITMENT_LIMIT:
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_NOT_ENOUGH_QUOTA:
    case ERROR_WORKING_SET_QUOTA:
      return memory_errc::out_of_memory;
    case ERROR_INVALID_ADDRESS:
    case ERROR_INVALID_PARAMETER:
    case ERROR_NOACCESS:
      return memory_errc::invalid_address;
    case ERROR_ARITHMETIC_OVERFLOW:
      return memory_errc::size_overflow;
    case ERROR_ACCESS_DENIED:
    case ERROR_PRIVILEGE_NOT_HELD:
      return memory_errc::permission_denied;
    case ERROR_NOT_SUPPORTED:
    case ERROR_CALL_NOT_IMPLEMENTED:
    case ERROR_INVALID_FUNCTION:
      return memory_errc::not_supported;
    default:
      return memory_errc::platform_error;
  }
}

void write_error_output(const char* text, std::size_t bytes) noexcept {
  const error_keeper keep;
  const HANDLE errors = ::GetStdHandle(STD_ERROR_HANDLE);
  while (bytes != 0) {
    DWORD written = 0;
    constexpr std::size_t most = 1 << 16;
    if (::WriteFile(errors, text, static_cast<DWORD>(std::min(bytes, most)), &written, nullptr) == 0 || written == 0)
      return;
    text += written;
    bytes -= written;
  }
}

}  // namespace allot::os
