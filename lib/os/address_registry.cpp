#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/os/fork_mutex.hpp>
#include <cstring>
#include <mutex>
#include <type_traits>

namespace allot::os::address_registry {
namespace {

static_assert(std::is_trivially_copyable_v<range>);

/// All ranges, ordered by address.
struct table {
  fork_mutex mutex;
  range* ranges = nullptr;
  std::size_t count = 0;
  std::size_t capacity = 0;

  std::size_t bytes_for(std::size_t entries) const noexcept {
    return align_up(entries * sizeof(range), facts().page_size);
  }

  /// The first range that begins behind p.
  std::size_t behind(const void* p) const noexcept {
    return static_cast<std::size_t>(
        std::upper_bound(ranges, ranges + count, address_of(p),
                         [](std::uintptr_t at, const range& each) { return at < address_of(each.begin); }) -
        ranges);
  }

  range* starting_at(const void* p) const noexcept {
    const std::size_t at = behind(p);
    return at != 0 && ranges[at - 1].begin == p ? &ranges[at - 1] : nullptr;
  }

  status grow() noexcept {
    constexpr std::size_t first = 64;
    const std::size_t wanted = capacity == 0 ? first : capacity * 2;
    if (facts().page_size == 0) return {memory_errc::page_size_unknown, 0};
    const mapping made = map(bytes_for(wanted), 1, access::read_write);
    if (!made) return made.outcome;
    auto* const moved = static_cast<range*>(made.address);
    if (count != 0) std::memcpy(static_cast<void*>(moved), ranges, count * sizeof(range));
    if (ranges != nullptr) (void)release(ranges, bytes_for(capacity));
    ranges = moved;
    capacity = wanted;
    return {};
  }
};

/// Never destroyed: resources of static storage duration may be destroyed later than anything here.
table& all() noexcept {
  alignas(table) static unsigned char storage[sizeof(table)];
  static table* const made = ::new (static_cast<void*>(storage)) table;
  return *made;
}

}  // namespace

status add(const range& added) noexcept {
  table& here = all();
  const std::lock_guard lock(here.mutex);
  if (here.count == here.capacity)
    if (const status outcome = here.grow(); !outcome) return outcome;
  const std::size_t at = here.behind(added.begin);
  std::memmove(static_cast<void*>(here.ranges + at + 1), here.ranges + at, (here.count - at) * sizeof(range));
  here.ranges[at] = added;
  ++here.count;
  return {};
}

void remove(const void* begin) noexcept {
  table& here = all();
  const std::lock_guard lock(here.mutex);
  range* const found = here.starting_at(begin);
  if (found == nullptr) return;
  const auto behind = static_cast<std::size_t>(here.ranges + here.count - found) - 1;
  std::memmove(static_cast<void*>(found), found + 1, behind * sizeof(range));
  --here.count;
}

void orphan(const void* begin, std::size_t bytes) noexcept {
  table& here = all();
  const std::lock_guard lock(here.mutex);
  range* const found = here.starting_at(begin);
  if (found == nullptr) return;
  found->owner = nullptr;
  found->bytes = bytes;
}

range find(const void* p) noexcept {
  table& here = all();
  const std::lock_guard lock(here.mutex);
  const std::size_t at = here.behind(p);
  if (at == 0 || !range_contains(here.ranges[at - 1].begin, here.ranges[at - 1].bytes, p, 1)) return {};
  return here.ranges[at - 1];
}

}  // namespace allot::os::address_registry
