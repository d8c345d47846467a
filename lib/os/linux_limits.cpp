// What Linux tells in /proc and /sys of the memory a process may have.

#include <malloc.h>

#include "linux_limit_texts.hpp"
#include "posix_extras.hpp"
#include "system_files.hpp"

namespace allot::os::extras {

void complete(process_limits& limits) noexcept {
  limit_texts::complete(limits, [](const char* path, auto use) noexcept { read_pieces(path, use); });
}

void trim_heap() noexcept {
#if defined(__GLIBC__)
  (void)::malloc_trim(0);
#endif
}

/// The second number in the file, in pages.
std::size_t resident_bytes() noexcept {
  std::size_t pages = 0;
  std::size_t blanks = 0;
  read_pieces("/proc/self/statm", [&](std::string_view text) noexcept {
    for (const char c : text) {
      if (c == ' ') ++blanks;
      if (blanks == 1 && c >= '0' && c <= '9') pages = 10 * pages + static_cast<std::size_t>(c - '0');
    }
  });
  return pages * facts().page_size;
}

}  // namespace allot::os::extras
