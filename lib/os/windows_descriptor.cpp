#include <fcntl.h>
#include <io.h>

#include <algorithm>
#include <allot/os/descriptor.hpp>
#include <cstdint>

#include "windows_system.hpp"

namespace allot::os {

descriptor open_to_append(const char* path) noexcept {
  const error_keeper keep;
  // With the right to append alone each write goes to the end, whatever other processes write meanwhile; _O_APPEND
  // would look for the end first.
  constexpr DWORD shared = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  const HANDLE file =
      ::CreateFileA(path, FILE_APPEND_DATA | SYNCHRONIZE, shared, nullptr, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file == INVALID_HANDLE_VALUE) return {-1, {memory_errc::platform_error, last_error()}};
  const int number = ::_open_osfhandle(reinterpret_cast<std::intptr_t>(file), _O_NOINHERIT | _O_BINARY);
  if (number >= 0) return {number, {}};
  ::CloseHandle(file);
  return {-1, {memory_errc::platform_error, ERROR_TOO_MANY_OPEN_FILES}};
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
