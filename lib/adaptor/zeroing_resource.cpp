#include <allot/adaptor/zeroing_resource.hpp>
#include <allot/os/secure_memory.hpp>
#include <cstring>

namespace allot {

zeroing_resource::~zeroing_resource() = default;

void* zeroing_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  void* const p = upstream_allocate(bytes, alignment);
  if (on_allocate_) std::memset(p, 0, bytes);
  return p;
}

void zeroing_resource::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  if (on_deallocate_) os::secure_zero(p, bytes);
  upstream_deallocate(p, bytes, alignment);
}

void* zeroing_resource::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  void* const p = adaptor_resource::try_allocate(bytes, alignment);
  if (p != nullptr && on_allocate_) std::memset(p, 0, bytes);
  return p;
}

bool zeroing_resource::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                  std::size_t alignment) noexcept {
  if (on_deallocate_ && new_bytes < old_bytes) return false;
  if (!adaptor_resource::try_expand(p, old_bytes, new_bytes, alignment)) return false;
  if (on_allocate_ && new_bytes > old_bytes)
    std::memset(static_cast<std::byte*>(p) + old_bytes, 0, new_bytes - old_bytes);
  return true;
}

}  // namespace allot
