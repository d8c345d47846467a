// The contracts of virtual_memory.hpp for systems with mmap and mprotect. What such systems do differently is behind
// posix_extras.hpp.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/virtual_memory.hpp>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "errno_keeper.hpp"
#include "posix_extras.hpp"

namespace allot::os {
namespace {

constexpr int protection_bits(access rights) noexcept {
  return (includes(rights, access::read) ? PROT_READ : 0) | (includes(rights, access::write) ? PROT_WRITE : 0) |
         (includes(rights, access::execute) ? PROT_EXEC : 0);
}

#if defined(MAP_NORESERVE)
constexpr int uncharged = MAP_NORESERVE;
#else
constexpr int uncharged = 0;
#endif
constexpr int private_memory = MAP_PRIVATE | MAP_ANONYMOUS;

status failure(int code) noexcept {
  if (code == ENOMEM && extras::at_map_limit()) return {memory_errc::map_limit, code};
  return {to_memory_errc(code), code};
}

status outcome_of(int code) noexcept { return code == 0 ? status{} : failure(code); }

/// mmap with null for failure; errno says why.
void* checked_mmap(void* address, std::size_t bytes, int protection, int flags) noexcept {
  if (failure_injection::due(os_call::map)) {
    errno = ENOMEM;
    return nullptr;
  }
  void* p = ::mmap(address, bytes, protection, flags, -1, 0);
  return p == MAP_FAILED ? nullptr : p;
}

int checked_munmap(void* p, std::size_t bytes) noexcept {
  if (failure_injection::due(os_call::unmap)) return ENOMEM;
  return ::munmap(p, bytes) == 0 ? 0 : errno;
}

int checked_mprotect(void* p, std::size_t bytes, int protection) noexcept {
  if (failure_injection::due(os_call::protect)) return ENOMEM;
  return ::mprotect(p, bytes, protection) == 0 ? 0 : errno;
}

mapping map_anywhere(std::size_t bytes, std::size_t alignment, int protection, int flags, placement where) noexcept {
  const std::size_t page = facts().page_size;
  void* const hint = where.rule == placement::how::hint ? where.address : nullptr;
  if (alignment <= page) {
    void* p = checked_mmap(hint, bytes, protection, flags);
    return p != nullptr ? mapping{p, {}} : mapping{nullptr, failure(errno)};
  }

  // Nothing in POSIX aligns: take more than is needed and give both ends back.
  std::size_t total = 0;
  if (!checked_add(bytes, alignment - page, total)) return {nullptr, {memory_errc::size_overflow, 0}};
  auto* start = static_cast<std::byte*>(checked_mmap(hint, total, protection, flags));
  if (start == nullptr) return {nullptr, failure(errno)};
  const std::size_t before = padding_for(address_of(start) + where.aligned_byte, alignment);
  const std::size_t behind = total - before - bytes;
  int code = before != 0 ? checked_munmap(start, before) : 0;
  if (code != 0) {
    checked_munmap(start, total);
    return {nullptr, failure(code)};
  }
  code = behind != 0 ? checked_munmap(start + before + bytes, behind) : 0;
  if (code != 0) {
    checked_munmap(start + before, total - before);
    return {nullptr, failure(code)};
  }
  return {start + before, {}};
}

mapping map_fixed(std::size_t bytes, std::size_t alignment, int protection, int flags, placement where) noexcept {
  void* const address = where.address;
  if (address == nullptr || !is_aligned(address, facts().page_size) ||
      padding_for(address_of(address) + where.aligned_byte, alignment) != 0)
    return {nullptr, {memory_errc::invalid_address, 0}};
  void* p = checked_mmap(address, bytes, protection, flags | extras::fixed_no_replace_flag);
  if (p == address) return {p, {}};
  if (p != nullptr) {  // the flag is unknown here and was taken as a hint
    checked_munmap(p, bytes);
    return {nullptr, {memory_errc::address_in_use, EEXIST}};
  }
  const int code = errno;
  if (code == ENOMEM) {
    // Out of memory, or an address no program may have? A mapping that may go anywhere tells.
    if (void* elsewhere = checked_mmap(nullptr, bytes, protection, flags); elsewhere != nullptr) {
      checked_munmap(elsewhere, bytes);
      return {nullptr, {memory_errc::invalid_address, code}};
    }
  }
  return {nullptr, failure(code)};
}

mapping place(std::size_t bytes, std::size_t alignment, int protection, int flags, placement where) noexcept {
  const errno_keeper keep;
  if (facts().page_size == 0) return {nullptr, {memory_errc::page_size_unknown, 0}};
  if (!is_power_of_two(alignment)) return {nullptr, {memory_errc::invalid_alignment, 0}};
  if (where.rule == placement::how::fixed) return map_fixed(bytes, alignment, protection, flags, where);
  return map_anywhere(bytes, alignment, protection, flags, where);
}

page_facts find_facts() noexcept {
  const errno_keeper keep;
  page_facts found;
  const long page = failure_injection::due(os_call::page_size) ? -1 : ::sysconf(_SC_PAGESIZE);
  if (page <= 0) return found;
  found.page_size = static_cast<std::size_t>(page);
  found.granularity = found.page_size;
  found.large_page_size = extras::large_page_size();
  found.advised_page_size = found.large_page_size;
  found.guard_advice = extras::guard_advice_works(found.page_size);
  return found;
}

}  // namespace

const page_facts& facts() noexcept {
  static page_facts found = find_facts();
  return found;
}

mapping reserve(std::size_t bytes, std::size_t alignment, placement where) noexcept {
  return place(bytes, alignment, PROT_NONE, private_memory | uncharged, where);
}

mapping map(std::size_t bytes, std::size_t alignment, access rights, placement where) noexcept {
  return place(bytes, alignment, protection_bits(rights), private_memory, where);
}

status commit(void* p, std::size_t bytes, access rights) noexcept {
  const errno_keeper keep;
  return outcome_of(checked_mprotect(p, bytes, protection_bits(rights)));
}

status commit_large(void* p, std::size_t bytes, access rights) noexcept {
  const errno_keeper keep;
  const int code =
      failure_injection::due(os_call::map) ? ENOMEM : extras::map_large_over(p, bytes, protection_bits(rights));
  return code == 0 ? status{} : status{memory_errc::large_pages_unavailable, code};
}

status decommit(void* p, std::size_t bytes) noexcept {
  const errno_keeper keep;
  // Only a new mapping drops both the contents and the charge; the range is ours, so replacing it is safe.
  return checked_mmap(p, bytes, PROT_NONE, private_memory | uncharged | MAP_FIXED) != nullptr ? status{}
                                                                                              : failure(errno);
}

status release(void* p, std::size_t bytes) noexcept {
  const errno_keeper keep;
  const int code = checked_munmap(p, bytes);
  // The one thing unmapping can run out of. Counting the mappings to make sure takes long just when there are many.
  if (code == ENOMEM) return {memory_errc::map_limit, code};
  return outcome_of(code);
}

status protect(void* p, std::size_t bytes, access rights) noexcept {
  const errno_keeper keep;
  const int code = checked_mprotect(p, bytes, protection_bits(rights));
  if (code == 0) return {};
  status why = failure(code);
  if (why.error != memory_errc::permission_denied && why.error != memory_errc::map_limit)
    why.error = memory_errc::protection_failed;
  return why;
}

status guard(void* p, std::size_t bytes) noexcept {
  const errno_keeper keep;
  // Advice can fail where it works elsewhere (locked memory): an inaccessible mapping always does.
  if (facts().guard_advice && !failure_injection::due(os_call::advise) && extras::guard_by_advice(p, bytes) == 0)
    return {};
  return decommit(p, bytes);
}

status unguard(void* p, std::size_t bytes, access rights) noexcept {
  const errno_keeper keep;
  int code = checked_mprotect(p, bytes, protection_bits(rights));
  if (code != 0 || !facts().guard_advice) return outcome_of(code);
  code = failure_injection::due(os_call::advise) ? ENOMEM : extras::unguard_by_advice(p, bytes);
  if (code != 0) ::mprotect(p, bytes, PROT_NONE);  // a guard made without advice must stay one
  return outcome_of(code);
}

status zero_pages(void* p, std::size_t bytes, access rights) noexcept {
  const errno_keeper keep;
  const int code = failure_injection::due(os_call::advise) ? ENOMEM : extras::drop_contents(p, bytes);
  if (code == 0) return {};
  // Where the system drops contents but not these, such as locked ones, they stay where they are.
  if (code != ENOTSUP && includes(rights, access::write)) {
    std::memset(p, 0, bytes);
    return {};
  }
  // One call that replaces the pages: contents and access change together or not at all.
  if (checked_mmap(p, bytes, protection_bits(rights), private_memory | MAP_FIXED) != nullptr) return {};
  const int refusal = errno;
  if (!includes(rights, access::write)) return failure(refusal);
  std::memset(p, 0, bytes);
  return {};
}

status populate(void* p, std::size_t bytes) noexcept {
  const errno_keeper keep;
  const int code = failure_injection::due(os_call::advise) ? ENOMEM : extras::populate(p, bytes);
  if (code != ENOTSUP) return outcome_of(code);
  // Touch every page and change nothing, even while other threads write there.
  for (std::size_t at = 0; at < bytes; at += facts().page_size) {
    auto* word = reinterpret_cast<std::atomic<unsigned char>*>(static_cast<std::byte*>(p) + at);
    word->fetch_or(0, std::memory_order_relaxed);
  }
  return {};
}

status advise(void* p, std::size_t bytes, advice wish) noexcept {
  const errno_keeper keep;
  return outcome_of(failure_injection::due(os_call::advise) ? ENOMEM : extras::advise(p, bytes, wish));
}

status lock(void* p, std::size_t bytes) noexcept {
  const errno_keeper keep;
  int code = failure_injection::due(os_call::lock) ? ENOMEM : extras::lock_on_touch(p, bytes);
  if (code == ENOTSUP) code = ::mlock(p, bytes) == 0 ? 0 : errno;
  if (code == 0) return {};
  ::munlock(p, bytes);  // what was done before it failed
  // Every one of these is said of a limit by one system or another.
  if (code == EPERM || code == EAGAIN || (code == ENOMEM && !extras::at_map_limit()))
    return {memory_errc::lock_limit, code};
  return failure(code);
}

status unlock(void* p, std::size_t bytes) noexcept {
  const errno_keeper keep;
  if (failure_injection::due(os_call::lock)) return failure(ENOMEM);
  return outcome_of(::munlock(p, bytes) == 0 ? 0 : errno);
}

status move_pages(void* from, std::size_t bytes, void* to) noexcept {
  const errno_keeper keep;
  return outcome_of(failure_injection::due(os_call::remap) ? ENOMEM : extras::move_pages(from, bytes, to));
}

status set_name(void* p, std::size_t bytes, const char* name) noexcept {
  const errno_keeper keep;
  return outcome_of(failure_injection::due(os_call::advise) ? ENOMEM : extras::set_name(p, bytes, name));
}

memory_errc to_memory_errc(int os_code) noexcept {
  switch (os_code) {
    case 0:
      return memory_errc::success;
    case ENOMEM:
    case EAGAIN:  // locked memory beyond its limit
      return memory_errc::out_of_memory;
    case EEXIST:
      return memory_errc::address_in_use;
    case EINVAL:
    case EFAULT:
      return memory_errc::invalid_address;
    case EOVERFLOW:
      return memory_errc::size_overflow;
    case EPERM:
    case EACCES:
      return memory_errc::permission_denied;
    case ENOSYS:
    case ENOTSUP:
      return memory_errc::not_supported;
    default:
      return memory_errc::platform_error;
  }
}

void write_error_output(const char* text, std::size_t bytes) noexcept {
  const errno_keeper keep;
  while (bytes != 0) {
    const ssize_t written = ::write(STDERR_FILENO, text, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

}  // namespace allot::os
