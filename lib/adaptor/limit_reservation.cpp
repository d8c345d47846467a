#include <algorithm>
#include <allot/adaptor/limit_reservation.hpp>
#include <allot/adaptor/limiting_resource.hpp>
#include <allot/core/allocation_error.hpp>

namespace allot {

limit_reservation::limit_reservation(limiting_resource& limited, std::size_t bytes)
    : metered_resource(limited.base()), limited_(limited) {
  if (!limited.take(bytes)) limited.refuse(bytes, 0);
  give_back(bytes);
}

limit_reservation::~limit_reservation() {
  const std::size_t rest = left();
  limited_.reserved_.fetch_sub(rest, std::memory_order_relaxed);
  limited_.give_back(rest);
}

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

void limit_reservation::refuse(std::size_t bytes, std::size_t alignment) const {
  throw allocation_error({memory_errc::limit_reached, limited_.name(), bytes, alignment, left()});
}

std::size_t limit_reservation::available() const noexcept { return std::min(adaptor_resource::available(), left()); }

}  // namespace allot
