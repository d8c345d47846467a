#include "windows_allocations.hpp"

#include <algorithm>
#include <cstdint>

#include "windows_system.hpp"

namespace allot::os::windows {
namespace {

struct entry {
  std::byte* base = nullptr;  // null: free
  std::size_t live = 0;       // bytes handed out and not taken back
  std::byte* end = nullptr;   // of what is handed out
  std::byte* limit = nullptr;
};

SRWLOCK lock = SRWLOCK_INIT;

// A table in pages of its own, at most half full; an entry lies at the place of its hash or behind it, with no gap
// between.
entry* table = nullptr;
std::size_t places = 0;  // a power of two
std::size_t used = 0;

std::size_t home_of(const void* base) noexcept {
  constexpr std::uint64_t spread = 0x9e3779b97f4a7c15;  // 2^64 by the golden ratio (Knuth, TAOCP 6.4)
  const auto key = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(base) >> 16);
  return static_cast<std::size_t>(key * spread >> 32) & (places - 1);
}

entry& find(const void* base) noexcept {
  std::size_t at = home_of(base);
  while (table[at].base != nullptr && table[at].base != base) at = (at + 1) & (places - 1);
  return table[at];
}

bool grow() noexcept {
  constexpr std::size_t first_places = 4096;
  const std::size_t old_places = places;
  entry* const old_table = table;
  const std::size_t more = old_places == 0 ? first_places : 2 * old_places;
  void* const memory = ::VirtualAlloc(nullptr, more * sizeof(entry), MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);  // zero
  if (memory == nullptr) return false;
  table = static_cast<entry*>(memory);
  places = more;
  for (std::size_t i = 0; i < old_places; ++i)
    if (old_table[i].base != nullptr) find(old_table[i].base) = old_table[i];
  if (old_table != nullptr) ::VirtualFree(old_table, 0, MEM_RELEASE);
  return true;
}

/// Moves those behind it up that would not be found any more.
void erase(entry& gone) noexcept {
  std::size_t hole = static_cast<std::size_t>(&gone - table);
  for (std::size_t at = (hole + 1) & (places - 1); table[at].base != nullptr; at = (at + 1) & (places - 1)) {
    const std::size_t from_home = (at - home_of(table[at].base)) & (places - 1);
    const std::size_t from_hole = (at - hole) & (places - 1);
    if (from_home < from_hole) continue;
    table[hole] = table[at];
    hole = at;
  }
  table[hole] = {};
  --used;
}

}  // namespace

bool note_allocation(void* base, std::size_t reserved, void* begin, std::size_t bytes) noexcept {
  const exclusive_hold held(lock);
  if (2 * (used + 1) > places && !grow()) return false;
  auto* const first = static_cast<std::byte*>(base);
  find(base) = {first, bytes, static_cast<std::byte*>(begin) + bytes, first + reserved};
  ++used;
  return true;
}

std::size_t claim_behind(void* base, void* p, std::size_t bytes) noexcept {
  const exclusive_hold held(lock);
  if (table == nullptr) return 0;
  entry& found = find(base);
  if (found.base == nullptr || found.end != p) return 0;
  const std::size_t claimed = std::min(bytes, static_cast<std::size_t>(found.limit - found.end));
  found.end += claimed;
  found.live += claimed;
  return claimed;
}

bool note_end(void* base, std::size_t bytes) noexcept {
  const exclusive_hold held(lock);
  if (table == nullptr) return false;
  entry& found = find(base);
  if (found.base == nullptr || found.live != bytes) return false;
  erase(found);
  return true;
}

std::size_t note_release(void* base, void* begin, std::size_t bytes) noexcept {
  const exclusive_hold held(lock);
  if (table == nullptr) return 0;
  entry& found = find(base);
  if (found.base == nullptr) return 0;
  if (found.end == static_cast<std::byte*>(begin) + bytes) found.end = static_cast<std::byte*>(begin);
  found.live = found.live > bytes ? found.live - bytes : 0;
  const std::size_t left = found.live;
  if (left == 0) erase(found);
  return left;
}

}  // namespace allot::os::windows
