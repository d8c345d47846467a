#include <allot/core/block_sight.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>

namespace allot {
namespace {

/// Which of ours was last asked, on this thread, whether it is the null_memory_resource().
ALLOT_INITIAL_EXEC thread_local const resource* last_asked = nullptr;

}  // namespace

bool resource::do_is_equal(const std::pmr::memory_resource& other) const noexcept {
  if (&other == std::pmr::null_memory_resource()) last_asked = this;
  return this == &other;
}

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

resource* as_resource(std::pmr::memory_resource* p) noexcept {
  if (p == nullptr) return nullptr;
  last_asked = nullptr;
  (void)p->is_equal(*std::pmr::null_memory_resource());
  // one of others' may pass the question on
  auto* const answered = const_cast<resource*>(last_asked);
  return static_cast<std::pmr::memory_resource*>(answered) == p ? answered : nullptr;
}
const resource* as_resource(const std::pmr::memory_resource* p) noexcept {
  return as_resource(const_cast<std::pmr::memory_resource*>(p));
}

}  // namespace allot
