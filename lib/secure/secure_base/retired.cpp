#include "retired.hpp"

#include <allot/block/guarded_pages.hpp>
#include <allot/core/never_destroyed.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/os/fork_mutex.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/secure/retired_addresses.hpp>
#include <array>
#include <cstdint>
#include <limits>
#include <mutex>

namespace allot {
namespace {

struct range {
  std::byte* base;
  std::size_t bytes;
};

constexpr std::size_t most_ranges = 1024;  // each takes a map entry
constexpr std::uint64_t default_limit =
    std::numeric_limits<std::size_t>::digits > 32 ? std::uint64_t{1} << 36 : 1U << 26;

/// What is kept, a ring from the oldest on.
struct kept_ranges {
  os::fork_mutex mutex;
  std::array<range, most_ranges> ring{};
  std::size_t oldest = 0;
  std::size_t count = 0;
  std::size_t bytes = 0;
  std::size_t limit = static_cast<std::size_t>(default_limit);

  void drop_oldest() noexcept {
    const range last = ring[oldest];
    oldest = (oldest + 1) % most_ranges;
    --count;
    bytes -= last.bytes;
    os::address_registry::remove(last.base, nullptr, true);
    give_back_pages(last.base, last.bytes);
  }
  void shrink() noexcept {
    while (count != 0 && bytes > limit) drop_oldest();
  }
};

kept_ranges& all() noexcept { return never_destroyed<kept_ranges>(); }

}  // namespace

void retired::keep(const resource& owner, std::byte* base, std::size_t bytes, std::size_t opened) noexcept {
  kept_ranges& here = all();
  const std::lock_guard lock(here.mutex);
  // Contents and access go in one call; where the system refuses it, everything goes.
  const bool kept = opened != 0 && opened <= here.limit && os::decommit(base, opened);
  if (!kept) {
    os::address_registry::remove(base, &owner, true);
    if (!os::release(base, bytes)) give_back_pages(base, bytes);
    return;
  }
  // Of what was never opened tools know nothing, and telling them takes long.
  if (opened < bytes && !os::release(base + opened, bytes - opened)) give_back_pages(base + opened, bytes - opened);
  os::address_registry::orphan(base, &owner, opened);
  if (here.count == most_ranges) here.drop_oldest();
  here.ring[(here.oldest + here.count++) % most_ranges] = {base, opened};
  here.bytes += opened;
  here.shrink();
}

std::size_t retired_address_bytes() noexcept {
  kept_ranges& here = all();
  const std::lock_guard lock(here.mutex);
  return here.bytes;
}

std::size_t retired_address_limit() noexcept {
  kept_ranges& here = all();
  const std::lock_guard lock(here.mutex);
  return here.limit;
}

void set_retired_address_limit(std::size_t bytes) noexcept {
  kept_ranges& here = all();
  const std::lock_guard lock(here.mutex);
  here.limit = bytes;
  here.shrink();
}

}  // namespace allot
