#include <fcntl.h>
#include <unistd.h>

#include <allot/os/entropy.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/secure_memory.hpp>
#include <cerrno>

#include "errno_keeper.hpp"
#include "posix_extras.hpp"

namespace allot::os {
namespace {

/// Reads the device that every system of the family has. 0 or an errno value.
int read_device(std::byte* at, std::size_t bytes) noexcept {
  int file = -1;
  do {
    file = ::open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  } while (file < 0 && errno == EINTR);
  if (file < 0) return errno;
  int code = 0;
  while (bytes != 0 && code == 0) {
    const ssize_t got = ::read(file, at, bytes);
    if (got > 0) {
      at += got;
      bytes -= static_cast<std::size_t>(got);
    } else if (got == 0) {
      code = EIO;
    } else if (errno != EINTR) {
      code = errno;
    }
  }
  ::close(file);
  return code;
}

}  // namespace

status entropy(void* p, std::size_t bytes) noexcept {
  if (bytes == 0) return {};
  const errno_keeper keep;
  int code = EIO;
  if (!failure_injection::due(os_call::entropy)) {
    code = extras::entropy(p, bytes);
    if (code != 0) code = read_device(static_cast<std::byte*>(p), bytes);
  }
  if (code == 0) return {};
  secure_zero(p, bytes);
  return {to_memory_errc(code), code};
}

}  // namespace allot::os
