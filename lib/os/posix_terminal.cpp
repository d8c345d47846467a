// The contract of terminal.hpp for systems with isatty.

#include <sys/ioctl.h>
#include <unistd.h>

#include <allot/os/terminal.hpp>

#include "errno_keeper.hpp"

namespace allot::os {

std::size_t terminal_width(int descriptor) noexcept {
  const errno_keeper keep;
  if (::isatty(descriptor) != 1) return 0;
  constexpr std::size_t usual = 80;
#if defined(TIOCGWINSZ)
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) return size.ws_col;
#endif
  return usual;
}

}  // namespace allot::os
