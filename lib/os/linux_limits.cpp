// What Linux tells in /proc and /sys of the memory a process may have.

#include "linux_limit_texts.hpp"
#include "posix_extras.hpp"
#include "system_files.hpp"

namespace allot::os::extras {

void complete(process_limits& limits) noexcept {
  limit_texts::complete(limits, [](const char* path, auto use) noexcept { read_pieces(path, use); });
}

}  // namespace allot::os::extras
