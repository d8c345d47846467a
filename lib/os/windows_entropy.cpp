#include "windows_system.hpp"
//
#include <bcrypt.h>

#include <algorithm>
#include <allot/os/entropy.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/secure_memory.hpp>

namespace allot::os {

status entropy(void* p, std::size_t bytes) noexcept {
  if (bytes == 0) return {};
  const error_keeper keep;
  bool filled = !failure_injection::due(os_call::entropy);
  constexpr std::size_t most = std::size_t{1} << 30;
  for (std::size_t done = 0; filled && done != bytes;) {
    const std::size_t part = std::min(bytes - done, most);
    filled = ::BCryptGenRandom(nullptr, static_cast<PUCHAR>(p) + done, static_cast<ULONG>(part),
                               BCRYPT_USE_SYSTEM_PREFERRED_RNG) == 0;
    done += part;
  }
  if (filled) return {};
  secure_zero(p, bytes);
  return {memory_errc::platform_error, ERROR_GEN_FAILURE};
}

}  // namespace allot::os
