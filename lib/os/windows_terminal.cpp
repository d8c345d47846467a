#include <io.h>

#include <allot/os/terminal.hpp>

#include "windows_system.hpp"

namespace allot::os {

std::size_t terminal_width(int descriptor) noexcept {
  const error_keeper keep;
  if (::_isatty(descriptor) == 0) return 0;
  constexpr std::size_t usual = 80;
  CONSOLE_SCREEN_BUFFER_INFO info{};
  const auto console = reinterpret_cast<HANDLE>(::_get_osfhandle(descriptor));
  if (::GetConsoleScreenBufferInfo(console, &info) == 0) return usual;
  const int width = info.srWindow.Right - info.srWindow.Left + 1;
  return width > 0 ? static_cast<std::size_t>(width) : usual;
}

}  // namespace allot::os
