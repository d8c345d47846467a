// What Linux has beyond POSIX. Numbers of calls younger than the system headers are part of the kernel's fixed
// interface.

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "posix_extras.hpp"
#include "system_files.hpp"

namespace allot::os::extras {
namespace {

constexpr int advice_populate_write = 23;  // Linux 5.14
constexpr int advice_guard_install = 102;  // Linux 6.13
constexpr int advice_guard_remove = 103;   // Linux 6.13
constexpr int set_vma = 0x53564d41;        // PR_SET_VMA
constexpr unsigned long set_vma_anon_name = 0;
constexpr int huge_size_shift = 26;  // where mmap flags hold the logarithm of the page size

int code_of(int result) noexcept { return result == 0 ? 0 : errno; }

int advise_raw(void* p, std::size_t bytes, int advice) noexcept { return code_of(::madvise(p, bytes, advice)); }

/// The first number in a file; 0 when there is none.
std::size_t number_in(const char* path) noexcept {
  std::size_t value = 0;
  read_pieces(path, [&](std::string_view text) {
    for (const char c : text) {
      if (c < '0' || c > '9') return;
      value = value * 10 + static_cast<std::size_t>(c - '0');
    }
  });
  return value;
}

int log2_of(std::size_t power) noexcept {
  int result = 0;
  while (power > 1) {
    power >>= 1;
    ++result;
  }
  return result;
}

}  // namespace

const int fixed_no_replace_flag = MAP_FIXED_NOREPLACE;

std::size_t large_page_size() noexcept {
  const std::size_t size = number_in("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
  return (size & (size - 1)) == 0 ? size : 0;
}

bool guard_advice_works(std::size_t page_size) noexcept {
  void* p = ::mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return false;
  // An emulator may accept the advice and do nothing: a system call that uses the page must fail. This one only writes
  // there; Valgrind itself reads what others are given, and would not survive that.
  const bool works = guard_by_advice(p, page_size) == 0 && ::uname(static_cast<utsname*>(p)) != 0 && errno == EFAULT &&
                     unguard_by_advice(p, page_size) == 0;
  ::munmap(p, page_size);
  return works;
}

int guard_by_advice(void* p, std::size_t bytes) noexcept { return advise_raw(p, bytes, advice_guard_install); }
int unguard_by_advice(void* p, std::size_t bytes) noexcept { return advise_raw(p, bytes, advice_guard_remove); }
int drop_contents(void* p, std::size_t bytes) noexcept { return advise_raw(p, bytes, MADV_DONTNEED); }

int populate(void* p, std::size_t bytes) noexcept {
  const int code = advise_raw(p, bytes, advice_populate_write);
  return code == EINVAL ? ENOTSUP : code;
}

int advise(void* p, std::size_t bytes, advice wish) noexcept {
  switch (wish) {
    case advice::huge_pages:
      return advise_raw(p, bytes, MADV_HUGEPAGE);
    case advice::no_dump:
      return advise_raw(p, bytes, MADV_DONTDUMP);
    case advice::wipe_on_fork:
      return advise_raw(p, bytes, MADV_WIPEONFORK);
    case advice::no_fork:
      return advise_raw(p, bytes, MADV_DONTFORK);
  }
  return ENOTSUP;
}

int lock_on_touch(void* p, std::size_t bytes) noexcept {
  const int code = code_of(::mlock2(p, bytes, MLOCK_ONFAULT));
  return code == ENOSYS || code == EINVAL ? ENOTSUP : code;
}

int map_large_over(void* p, std::size_t bytes, int protection) noexcept {
  // Without MAP_NORESERVE, so that missing pages are an error now and not a signal at the first touch.
  const int size_bits = log2_of(large_page_size()) << huge_size_shift;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB | size_bits;
  return ::mmap(p, bytes, protection, flags, -1, 0) == MAP_FAILED ? errno : 0;
}

int move_pages(void* from, std::size_t bytes, void* to) noexcept {
  return ::mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED ? errno : 0;
}

int set_name(void* p, std::size_t bytes, const char* name) noexcept {
  return code_of(::prctl(set_vma, set_vma_anon_name, p, bytes, name));
}

int entropy(void* p, std::size_t bytes) noexcept {
  auto* at = static_cast<std::byte*>(p);
  while (bytes != 0) {
    const ssize_t got = ::getrandom(at, bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == ENOSYS ? ENOTSUP : errno;
    at += got;
    bytes -= static_cast<std::size_t>(got);
  }
  return 0;
}

bool has_lent_rights() noexcept { return ::getauxval(AT_SECURE) != 0; }

// A call that failed may have needed a few map entries at once.
constexpr std::size_t entries_at_once = 16;

/// Whether there are that many left: pages side by side with different access do not share one.
bool takes_entries() noexcept {
  const std::size_t page = facts().page_size;
  void* const pages = ::mmap(nullptr, entries_at_once * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return false;
  bool taken = true;
  for (std::size_t i = 0; i < entries_at_once && taken; i += 2)
    taken = ::mprotect(static_cast<std::byte*>(pages) + i * page, page, PROT_READ) == 0;
  ::munmap(pages, entries_at_once * page);
  return taken;
}

bool at_map_limit() noexcept {
  if (takes_entries()) return false;  // to count them takes far longer
  const std::size_t limit = number_in("/proc/sys/vm/max_map_count");
  if (limit == 0) return false;
  std::size_t maps = 0;
  read_pieces("/proc/self/maps", [&](std::string_view text) {
    maps += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  });
  return maps + entries_at_once >= limit;
}

std::size_t own_path(char* path, std::size_t bytes) noexcept {
  const ssize_t length = ::readlink("/proc/self/exe", path, bytes);
  return length > 0 && static_cast<std::size_t>(length) < bytes ? static_cast<std::size_t>(length) : 0;
}

}  // namespace allot::os::extras
