#include <allot/os/secure_memory.hpp>
#include <cstring>

namespace allot::os {

void secure_zero(void* p, std::size_t bytes) noexcept { secure_fill(p, 0, bytes); }

void secure_fill(void* p, unsigned char value, std::size_t bytes) noexcept {
  if (bytes == 0) return;
  std::memset(p, value, bytes);
  ALLOT_ASSUME_READ(p);
}

}  // namespace allot::os
