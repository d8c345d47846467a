#include <allot/adaptor/limit_reservation.hpp>
#include <allot/adaptor/limiting_resource.hpp>
#include <allot/core/allocation_error.hpp>

namespace allot {

limit_reservation::limit_reservation(limiting_resource& limited, std::size_t bytes)
    : adaptor_resource(limited.base()), limited_(limited) {
  if (!limited.take(bytes)) limited.refuse(bytes, 0);
  give_back(bytes);
}

limit_reservation::~limit_reservation() {
  const std::size_t rest = left();
  limited_.reserved_.fetch_sub(rest, std::memory_order_relaxed);
  limited_.give_back(rest);
}

std::size_t limit_reservation::charge_of(std::size_t bytes) noexcept { return limiting_resource::charge_of(bytes); }

bool limit_reservation::take(std::size_t bytes) noexcept {
  std::size_t before = left();
  do {
    if (bytes > before) return false;
  } while (!left_.compare_exchange_weak(before, before - bytes, std::memory_order_relaxed));
  limited_.reserved_.fetch_sub(bytes, std::memory_order_relaxed);
  return true;
}

void limit_reservation::give_back(std::size_t bytes) noexcept {
  limited_.reserved_.fetch_add(bytes, std::memory_order_relaxed);
  left_.fetch_add(bytes, std::memory_order_relaxed);
}

void* limit_reservation::do_allocate(std::size_t bytes, std::size_t alignment) {
  if (!take(charge_of(bytes)))
    throw allocation_error({memory_errc::limit_reached, limited_.name(), bytes, alignment, left()});
  try {
    return upstream_allocate(bytes, alignment);
  } catch (...) {
    give_back(charge_of(bytes));
    throw;
  }
}

void limit_reservation::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  upstream_deallocate(p, bytes, alignment);
  give_back(charge_of(bytes));
}

void* limit_reservation::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (!take(charge_of(bytes))) return nullptr;
  void* const p = adaptor_resource::try_allocate(bytes, alignment);
  if (p == nullptr) give_back(charge_of(bytes));
  return p;
}

bool limit_reservation::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                   std::size_t alignment) noexcept {
  const std::size_t before = charge_of(old_bytes);
  const std::size_t after = charge_of(new_bytes);
  const std::size_t more = after > before ? after - before : 0;
  if (!take(more)) return false;
  const bool done = adaptor_resource::try_expand(p, old_bytes, new_bytes, alignment);
  if (!done)
    give_back(more);
  else if (after < before)
    give_back(before - after);
  return done;
}

}  // namespace allot
