#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>

namespace allot::os {

/// Reads a file of the system in pieces without allocating; calls use(piece) for each. A file that is not there, or
/// cannot be read, has none.
template <class Use>
void read_pieces(const char* path, Use use) noexcept {
  int file = -1;
  do {
    file = ::open(path, O_RDONLY | O_CLOEXEC);
  } while (file < 0 && errno == EINTR);
  if (file < 0) return;
  std::array<char, 4096> piece;
  for (;;) {
    const ssize_t got = ::read(file, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    use(std::string_view(piece.data(), static_cast<std::size_t>(got)));
  }
  ::close(file);
}

}  // namespace allot::os
