#include <allot/adaptor/upstream_ref.hpp>
#include <allot/core/checked_size.hpp>

namespace allot {

void* upstream_ref::try_allocate(std::size_t bytes, std::size_t alignment) const noexcept {
  if (ours_ != nullptr) return ours_->try_allocate(bytes, alignment);
  if (!is_power_of_two(alignment)) return nullptr;
  try {
    return any_->allocate(bytes, alignment);
  } catch (...) {
    return nullptr;
  }
}

}  // namespace allot
