#include "fences.hpp"

#include <algorithm>
#include <allot/adaptor/debug_resource.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <cstring>

namespace allot::debug_fences {
namespace {

constexpr auto fence_pattern = std::byte{debug_resource::fence_pattern};
constexpr auto freed_pattern = std::byte{debug_resource::freed_pattern};

struct range {
  std::byte* begin;
  std::size_t bytes;
};

std::byte* begin_of(const entry& block) noexcept { return static_cast<std::byte*>(block.address); }

range contents(const entry& block) noexcept { return {begin_of(block), block.requested}; }

range before(const entry& block) noexcept { return {start_of(block), block.lead}; }

range behind(const entry& block) noexcept {
  return {begin_of(block) + block.requested, block.mapped - block.lead - block.requested};
}

// A large alignment makes long fences, and what the upstream only reserves for them shall not become memory.
std::size_t watched(std::size_t bytes, std::size_t fence_bytes) noexcept {
  constexpr std::size_t most = 4096;
  return std::min(bytes, std::max(fence_bytes, most));
}

range watched_before(const entry& block, std::size_t fence_bytes) noexcept {
  const std::size_t bytes = watched(block.lead, fence_bytes);
  return {begin_of(block) - bytes, bytes};
}

range watched_behind(const entry& block, std::size_t fence_bytes) noexcept {
  const range whole = behind(block);
  return {whole.begin, watched(whole.bytes, fence_bytes)};
}

void open(range bytes) noexcept {
  if (memory_tools::active()) memory_tools::unpoison(bytes.begin, bytes.bytes);
}

void close(range bytes) noexcept {
  if (memory_tools::active()) memory_tools::poison(bytes.begin, bytes.bytes);
}

void fill(range bytes, std::byte pattern) noexcept {
  std::memset(bytes.begin, std::to_integer<int>(pattern), bytes.bytes);
}

bool is_filled(range bytes, std::byte pattern) noexcept {
  // All bytes are the pattern if the first is and each equals the next.
  return bytes.bytes == 0 ||
         (*bytes.begin == pattern && std::memcmp(bytes.begin, bytes.begin + 1, bytes.bytes - 1) == 0);
}

damage damage_in(range bytes, std::byte pattern, damage::part where) noexcept {
  open(bytes);
  damage found;
  found.where = where;
  if (!is_filled(bytes, pattern)) {
    for (std::size_t i = 0; i < bytes.bytes; ++i) {
      const std::byte& at = bytes.begin[i];
      if (at == pattern) continue;
      if (found.first == nullptr) found.first = &at;
      ++found.changed;
      const auto offset = static_cast<std::size_t>(&at - found.first);
      if (offset < found.now.size()) found.known = offset + 1;
    }
    std::memcpy(found.now.data(), found.first, found.known);
  }
  close(bytes);
  return found;
}

}  // namespace

bool lay_out(entry& block, std::size_t fence_bytes) noexcept {
  std::size_t lead = 0;
  std::size_t sum = std::max<std::size_t>(block.requested, 1);
  if (fence_bytes != 0) {
    if (!checked_align_up(fence_bytes, block.alignment, lead) || !checked_add(lead, block.requested, sum) ||
        !checked_add(sum, fence_bytes, sum) || !checked_align_up(sum, block.alignment, sum))
      return false;
  }
  if (sum > max_object_bytes) return false;
  block.lead = lead;
  block.mapped = sum;
  return true;
}

void put(const entry& block, std::size_t fence_bytes) noexcept {
  fill(watched_before(block, fence_bytes), fence_pattern);
  close(before(block));
  put_behind(block, fence_bytes);
}

void put_behind(const entry& block, std::size_t fence_bytes) noexcept {
  fill(watched_behind(block, fence_bytes), fence_pattern);
  close(behind(block));
}

void hand_out(void* p, std::size_t bytes, bool filled) noexcept {
  if (filled) fill({static_cast<std::byte*>(p), bytes}, std::byte{debug_resource::fresh_pattern});
  if (memory_tools::active()) memory_tools::hand_out(p, bytes);
}

void open_behind(const entry& block) noexcept { open(behind(block)); }

void close_behind(const entry& block) noexcept { close(behind(block)); }

void bury(const entry& block, std::size_t fence_bytes, bool filled) noexcept {
  open({start_of(block), block.mapped});
  if (filled) fill(contents(block), freed_pattern);
  put(block, fence_bytes);
  close({start_of(block), block.mapped});
}

void give_up(const entry& block) noexcept { open({start_of(block), block.mapped}); }

damage damage_of_live(const entry& block, std::size_t fence_bytes) noexcept {
  if (const damage found = damage_in(watched_behind(block, fence_bytes), fence_pattern, damage::part::behind))
    return found;
  return damage_in(watched_before(block, fence_bytes), fence_pattern, damage::part::before);
}

damage damage_of_freed(const entry& block, std::size_t fence_bytes, bool filled) noexcept {
  if (filled)
    if (const damage found = damage_in(contents(block), freed_pattern, damage::part::inside)) return found;
  return damage_of_live(block, fence_bytes);
}

}  // namespace allot::debug_fences
