#include <algorithm>
#include <allot/arena/block_fences.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <new>
#include <utility>

namespace allot {

struct block_fences::fence {
  fence* previous;
  const std::byte* block;
  std::size_t bytes;
  std::size_t position;  // of the arena behind this fence
  std::uintptr_t sum;    // of all the above; its complement once the block is freed

  std::uintptr_t expected() const noexcept {
    constexpr auto odd = static_cast<std::uintptr_t>(0x9e3779b97f4a7c15);
    std::uintptr_t mixed = address_of(this) * odd;
    for (const std::uintptr_t field :
         {address_of(previous), address_of(block), std::uintptr_t{bytes}, std::uintptr_t{position}})
      mixed = (mixed ^ field) * odd;
    return mixed;
  }
  bool live() const noexcept { return sum == expected(); }
  bool freed() const noexcept { return sum == ~expected(); }

  bool is_of(const void* p) const noexcept { return block == p; }
  bool believable(bool pad_counts) const noexcept {
    if (!live() && !freed()) return false;
    return !pad_counts || std::all_of(block + bytes, start(), [](std::byte b) { return b == pad_pattern; });
  }
  const std::byte* start() const noexcept { return reinterpret_cast<const std::byte*>(this); }
  const std::byte* end() const noexcept { return start() + sizeof(fence); }

  /// What is known of a block that was overrun: its end, if the damage is in the pad alone.
  misuse_report overrun() const noexcept {
    if (live() || freed()) return {misuse_kind::overrun, {}, block + bytes, bytes};
    return {misuse_kind::overrun, {}, this};
  }

  static constexpr std::byte pad_pattern{0xfd};
};

namespace {

constexpr std::size_t fence_alignment = 8;
constexpr std::size_t least_pad = 8;
}  // namespace

block_fences::block_fences() noexcept : pad_counts_(!memory_tools::active()) {}

block_fences::block_fences(block_fences&& other) noexcept
    : newest_(std::exchange(other.newest_, nullptr)),
      pad_counts_(other.pad_counts_),
      unfenced_blocks_(std::exchange(other.unfenced_blocks_, false)) {}

std::size_t block_fences::gap(std::size_t bytes) noexcept {
  return align_up(bytes, fence_alignment) - bytes + least_pad + sizeof(fence);
}

void block_fences::put(std::byte* p, std::size_t bytes, std::size_t position) noexcept {
  std::byte* const pad = p + bytes;
  auto* const at = reinterpret_cast<std::byte*>(align_up(address_of(pad), fence_alignment) + least_pad);
  if (pad_counts_) {
    std::fill(pad, at, fence::pad_pattern);
  } else {
    memory_tools::unpoison(at, sizeof(fence));
  }
  newest_ = ::new (at) fence{newest_, p, bytes, position, 0};
  newest_->sum = newest_->expected();
}

std::optional<misuse_report> block_fences::drop(std::size_t position) noexcept {
  std::optional<misuse_report> overrun;
  while (newest_ != nullptr) {
    if (!newest_->believable(pad_counts_)) {
      overrun = std::exchange(newest_, nullptr)->overrun();
      unfenced_blocks_ = true;
      break;
    }
    if (newest_->position <= position) break;
    newest_ = newest_->previous;
  }
  if (position == 0) unfenced_blocks_ = false;
  return overrun;
}

void block_fences::clear() noexcept {
  newest_ = nullptr;
  unfenced_blocks_ = false;
}

void block_fences::forget() noexcept {
  newest_ = nullptr;
  unfenced_blocks_ = true;
}

/// Where the fence of a block of that size lies, if the block is what the caller says; null when it is not there.
block_fences::fence* block_fences::expected(const block_info& region, const void* p, std::size_t bytes) const noexcept {
  std::size_t end = 0;
  if (region.begin == nullptr || !checked_add(address_of(p), bytes, end) ||
      !checked_align_up(end, fence_alignment, end))
    return nullptr;
  auto* const f = reinterpret_cast<fence*>(end + least_pad);
  if (!range_contains(region.begin, region.bytes, f, sizeof(fence))) return nullptr;
  for (const std::byte* at = f->start(); !pad_counts_ && at != f->end(); ++at)
    if (!memory_tools::accessible(at)) return nullptr;
  return (f->live() || f->freed()) && f->is_of(p) && f->bytes == bytes ? f : nullptr;
}

/// The fence of a live block of that size; null when there is none up to the first that cannot be believed.
block_fences::fence* block_fences::find(const block_info& region, const void* p, std::size_t bytes) const noexcept {
  fence* f = expected(region, p, bytes);
  if (f == nullptr) {
    f = newest_;
    while (f != nullptr && f->believable(pad_counts_) && !f->is_of(p)) f = f->previous;
  }
  return f != nullptr && f->live() && f->is_of(p) && f->bytes == bytes ? f : nullptr;
}

std::optional<misuse_report> block_fences::free(const block_info& region, const void* p, std::size_t bytes,
                                                std::size_t alignment) noexcept {
  if (!is_power_of_two(alignment)) return misuse_report{misuse_kind::invalid_alignment, {}, p, alignment};
  if (region.begin == nullptr || !range_contains(region.begin, region.bytes, p, 1))
    return misuse_report{misuse_kind::foreign_pointer, {}, p};
  if (!is_aligned(p, alignment))
    return misuse_report{misuse_kind::wrong_alignment, {}, p, alignment, address_of(p) & (~address_of(p) + 1)};
  if (unfenced_blocks_ && !range_contains(region.begin, region.bytes, p, bytes)) {
    const auto offset = static_cast<std::size_t>(address_of(p) - address_of(region.begin));
    return misuse_report{misuse_kind::wrong_size, {}, p, bytes, region.bytes - offset, true, false};
  }
  return free_fenced(region, p, bytes);
}

/// The same for what lies within the region.
std::optional<misuse_report> block_fences::free_fenced(const block_info& region, const void* p,
                                                       std::size_t bytes) noexcept {
  if (fence* const f = expected(region, p, bytes); f != nullptr && f->live() && f->believable(pad_counts_)) {
    f->sum = ~f->sum;
    return std::nullopt;
  }
  for (fence* f = newest_; f != nullptr; f = f->previous) {
    if (!f->believable(pad_counts_)) return f->overrun();
    if (!f->is_of(p)) continue;
    if (f->live() && f->bytes == bytes) {  // it was shrunk and its fence stayed
      f->sum = ~f->sum;
      return std::nullopt;
    }
    if (f->freed()) return misuse_report{misuse_kind::double_free, {}, p};
    return misuse_report{misuse_kind::wrong_size, {}, p, bytes, f->bytes};
  }
  if (unfenced_blocks_) return std::nullopt;  // may well be one of those
  return misuse_report{misuse_kind::foreign_pointer, {}, p};
}

bool block_fences::may_be_live(const block_info& region, const void* p, std::size_t bytes) const noexcept {
  return unfenced_blocks_ || find(region, p, bytes) != nullptr;
}

bool block_fences::is_newest(const void* p, std::size_t bytes, const std::byte* end) const noexcept {
  return newest_ != nullptr && newest_->live() && newest_->is_of(p) && newest_->bytes == bytes && newest_->end() == end;
}

void block_fences::resize(const block_info& region, std::byte* p, std::size_t old_bytes,
                          std::size_t new_bytes) noexcept {
  fence* const f = find(region, p, old_bytes);
  if (f == nullptr) return;
  if (pad_counts_ && new_bytes < old_bytes) std::fill(p + new_bytes, p + old_bytes, fence::pad_pattern);
  f->bytes = new_bytes;
  f->sum = f->expected();
}

void block_fences::move(const block_info& region, std::byte* p, std::size_t old_bytes, std::size_t new_bytes,
                        std::size_t position) noexcept {
  const fence* const f = find(region, p, old_bytes);
  if (f == nullptr) return;
  newest_ = f->previous;
  put(p, new_bytes, position);
}

bool block_fences::check(std::size_t position) const noexcept {
  if (newest_ != nullptr && newest_->believable(pad_counts_) && newest_->position > position) return false;
  for (const fence* f = newest_; f != nullptr; f = f->previous)
    if (!f->believable(pad_counts_)) return false;
  return true;
}

}  // namespace allot
