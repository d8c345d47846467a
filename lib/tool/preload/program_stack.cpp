#include "program_stack.hpp"

#include <algorithm>
#include <allot/core/bits.hpp>
#include <allot/core/checked_size.hpp>
#include <array>
#include <cstdint>
#include <cstring>

namespace allot::preload {
namespace {

/// Right before a block.
struct block_words {
  std::uint64_t bytes;  // as asked for
  std::uint64_t seal;   // of the place, the bytes and the alignment, whose logarithm is in the lowest byte
};
constexpr std::size_t least_lead = 16;
static_assert(sizeof(block_words) == least_lead);

std::size_t lead_of(std::size_t alignment) noexcept { return std::max(alignment, least_lead); }

/// Of the memory that a block is in, with its words; 0: there can be no such block. Whole leads, for there are pools
/// (those of GCC 13's library) that align blocks of other sizes no better than their sizes are.
std::size_t bytes_with_lead(std::size_t bytes, std::size_t lead) noexcept {
  std::size_t all = 0;
  if (bytes > max_object_bytes || !checked_add(bytes, lead, all) || !checked_align_up(all, lead, all)) return 0;
  return all <= max_object_bytes ? all : 0;
}

std::uint64_t seal_of(const void* p, std::uint64_t bytes, unsigned alignment_log2) noexcept {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;
  const std::uint64_t mixed = ((address_of(p) ^ bytes * odd) + alignment_log2) * odd;
  return (mixed & ~std::uint64_t{0xff}) | alignment_log2;
}

}  // namespace

program_stack::program_stack(std::pmr::memory_resource& memory) noexcept
    : memory_(memory), ours_(as_resource(&memory)), words_(false) {
  words_ = ours_ == nullptr || !tells(40, 16) || !tells(100000, 16) || !tells(24, 64) || !tells(1000, 4096);
}

/// Whether a block's extent is found.
bool program_stack::tells(std::size_t bytes, std::size_t alignment) noexcept {
  void* const p = ours_->try_allocate(bytes, alignment);
  if (p == nullptr) return true;
  const block_extent is = ours_->live_block(p);
  const bool told = is.bytes >= bytes;
  ours_->deallocate(p, told ? is.bytes : bytes, told ? is.alignment : alignment);
  return told;
}

bool program_stack::works() noexcept {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{100}, std::size_t{10000}, std::size_t{300000}}) {
    for (const std::size_t alignment : {std::size_t{16}, std::size_t{4096}}) {
      std::array<void*, 3> blocks{};  // the first of a kind alone may be aligned by chance
      bool good = true;
      for (void*& p : blocks) {
        p = allocate(bytes, alignment);
        good = good && p != nullptr && is_aligned(p, alignment) && extent(p).bytes >= bytes;
        if (good) std::memset(p, 0, bytes);
      }
      if (!good) return false;
      for (void* const p : blocks) deallocate(p, extent(p));
    }
  }
  return true;
}

void* program_stack::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (ours_ != nullptr) return ours_->try_allocate(bytes, alignment);
  try {
    return memory_.allocate(bytes, alignment);
  } catch (...) {
    return nullptr;
  }
}

void* program_stack::allocate_with_words(std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t lead = lead_of(alignment);
  const std::size_t all = bytes_with_lead(bytes, lead);
  if (all == 0) return nullptr;  // foreign resources need not look for themselves
  auto* const start = static_cast<std::byte*>(try_allocate(all, lead));
  if (start == nullptr) return nullptr;
  std::byte* const p = start + lead;
  const block_words words{bytes, seal_of(p, bytes, log2_of(lead))};
  std::memcpy(p - sizeof words, &words, sizeof words);
  return p;
}

block_extent program_stack::extent_by_words(const void* p) const noexcept {
  if (!is_aligned(p, least_lead)) return {};
  block_words words;
  std::memcpy(&words, static_cast<const std::byte*>(p) - sizeof words, sizeof words);
  const auto alignment_log2 = static_cast<unsigned>(words.seal & 0xff);
  if (alignment_log2 >= 64 || words.seal != seal_of(p, words.bytes, alignment_log2)) return {};
  return {static_cast<std::size_t>(words.bytes), std::size_t{1} << alignment_log2};
}

void program_stack::deallocate_with_words(void* p, const block_extent& is) noexcept {
  std::memset(static_cast<std::byte*>(p) - sizeof(block_words), 0, sizeof(block_words));
  memory_.deallocate(static_cast<std::byte*>(p) - is.alignment, bytes_with_lead(is.bytes, is.alignment), is.alignment);
}

}  // namespace allot::preload
