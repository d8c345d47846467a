#include <fcntl.h>
#include <io.h>
#include <sys/stat.h>

#include <algorithm>
#include <allot/os/descriptor.hpp>

#include "windows_system.hpp"

namespace allot::os {

descriptor open_to_append(const char* path) noexcept {
  const error_keeper keep;
  const int number = ::_open(path, _O_WRONLY | _O_APPEND | _O_CREAT | _O_NOINHERIT | _O_BINARY, _S_IREAD | _S_IWRITE);
  if (number < 0) return {-1, {memory_errc::platform_error, errno}};
  return {number, {}};
}

bool write_text(int descriptor, std::string_view text) noexcept {
  const error_keeper keep;
  while (!text.empty()) {
    constexpr std::size_t most = std::size_t{1} << 20;
    const int written = ::_write(descriptor, text.data(), static_cast<unsigned>(std::min(text.size(), most)));
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace allot::os
