#include <fcntl.h>
#include <unistd.h>

#include <allot/os/descriptor.hpp>
#include <cerrno>

#include "errno_keeper.hpp"

namespace allot::os {

descriptor open_to_append(const char* path) noexcept {
  constexpr mode_t for_all_but_others_to_write = 0644;
  const errno_keeper keeper;
  const int number = ::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, for_all_but_others_to_write);
  if (number >= 0) return {number, {}};
  return {-1, {memory_errc::platform_error, errno}};
}

bool write_text(int descriptor, std::string_view text) noexcept {
  const errno_keeper keeper;
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace allot::os
