#include <allot/adaptor/tracing_resource.hpp>

namespace allot {

tracing_resource::~tracing_resource() = default;

void tracing_resource::tell(memory_event event) noexcept {
  event.resource = name();
  try {
    sink_.write(event);
  } catch (...) {
    lost_.fetch_add(1, std::memory_order_relaxed);
  }
}

void* tracing_resource::allocate_traced(std::size_t bytes, std::size_t alignment) {
  void* p = nullptr;
  try {
    p = upstream_allocate(bytes, alignment);
  } catch (...) {
    tell({memory_event_kind::refuse, nullptr, bytes, alignment});
    throw;
  }
  tell({memory_event_kind::allocate, p, bytes, alignment});
  return p;
}

void tracing_resource::deallocate_traced(void* p, std::size_t bytes, std::size_t alignment) {
  tell({memory_event_kind::deallocate, p, bytes, alignment});
  upstream_deallocate(p, bytes, alignment);
}

void* tracing_resource::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  void* const p = adaptor_resource::try_allocate(bytes, alignment);
  if (enabled()) tell({p != nullptr ? memory_event_kind::allocate : memory_event_kind::refuse, p, bytes, alignment});
  return p;
}

bool tracing_resource::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                  std::size_t alignment) noexcept {
  // Bytes that are given up may be somebody else's at once, so that is told before, and taken back where it fails.
  const bool shrinks = new_bytes < old_bytes;
  const bool told = shrinks && enabled();
  if (told) tell({memory_event_kind::expand, p, old_bytes, alignment, new_bytes});
  const bool done = adaptor_resource::try_expand(p, old_bytes, new_bytes, alignment);
  if (told && !done) tell({memory_event_kind::expand, p, new_bytes, alignment, old_bytes});
  if (!shrinks && done && enabled()) tell({memory_event_kind::expand, p, old_bytes, alignment, new_bytes});
  return done;
}

void tracing_resource::release() noexcept {
  if (enabled()) tell({memory_event_kind::release});
  adaptor_resource::release();
}

std::size_t tracing_resource::trim() noexcept {
  const std::size_t given_back = adaptor_resource::trim();
  if (enabled()) tell({memory_event_kind::trim, nullptr, given_back});
  return given_back;
}

}  // namespace allot
