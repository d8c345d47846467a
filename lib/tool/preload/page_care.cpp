#include "page_care.hpp"

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/os/virtual_memory.hpp>
#include <cstring>

namespace allot::preload {
namespace {

constexpr std::size_t large = std::size_t{128} << 10;  // dropping pages takes longer than it brings below that

struct whole_pages {
  std::byte* begin;
  std::size_t bytes;
};

whole_pages pages_in(void* p, std::size_t bytes) noexcept {
  const std::size_t page = os::facts().page_size;
  const std::size_t gap = padding_for(address_of(p), page);
  return {static_cast<std::byte*>(p) + gap, align_down(bytes - std::min(bytes, gap), page)};
}

}  // namespace

void make_zero(void* p, std::size_t bytes) noexcept {
  const whole_pages inner = bytes >= large ? pages_in(p, bytes) : whole_pages{static_cast<std::byte*>(p), 0};
  if (inner.bytes == 0 || !os::zero_pages(inner.begin, inner.bytes, os::access::read_write)) {
    std::memset(p, 0, bytes);
    return;
  }
  auto* const begin = static_cast<std::byte*>(p);
  std::byte* const end = inner.begin + inner.bytes;
  std::memset(begin, 0, static_cast<std::size_t>(inner.begin - begin));
  std::memset(end, 0, static_cast<std::size_t>(begin + bytes - end));
}

void move_bytes(void* to, void* from, std::size_t bytes) noexcept {
  constexpr std::size_t step = std::size_t{1} << 20;
  if (bytes < 2 * large) {
    std::memcpy(to, from, bytes);
    return;
  }
  for (std::size_t done = 0; done < bytes; done += step) {
    const std::size_t part = std::min(step, bytes - done);
    std::memcpy(static_cast<std::byte*>(to) + done, static_cast<std::byte*>(from) + done, part);
    const whole_pages gone = pages_in(static_cast<std::byte*>(from) + done, part);
    (void)os::zero_pages(gone.begin, gone.bytes, os::access::read_write);
  }
}

}  // namespace allot::preload
