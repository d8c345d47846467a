#include <allot/core/block_sight.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/resource.hpp>
#include <allot/core/resource_cast.hpp>

namespace allot {

void* resource::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (!is_power_of_two(alignment)) return nullptr;
  try {
    return allocate(bytes, alignment);
  } catch (...) {
    return nullptr;
  }
}

bool resource::try_expand(void* /*p*/, std::size_t old_bytes, std::size_t new_bytes,
                          std::size_t /*alignment*/) noexcept {
  return old_bytes == new_bytes;
}

bool resource::try_look_at(const void* p, block_sight& seen) const noexcept {
  seen.block = find_block(p);
  seen.state = seen.block.state;
  return true;
}

resource* as_resource(std::pmr::memory_resource* p) noexcept { return resource_cast<resource>(p); }
const resource* as_resource(const std::pmr::memory_resource* p) noexcept {
  return as_resource(const_cast<std::pmr::memory_resource*>(p));
}

}  // namespace allot
