// What stands behind the blocks of a checked arena.
//
//     | block: bytes asked for | pad, 8 to 15 bytes | fence | next block ...
//
// A write past the end of a block damages the pad or the fence. Fences are chained from the newest to the oldest, so
// that a block is known by its fence: its size, and whether it was freed. The sum over a fence's own fields says
// whether it can be believed. Where a memory tool watches, the pad is poisoned and the tool looks after it.

#include <allot/arena/arena.hpp>
#include <allot/core/memory_tools.hpp>
#include <cstring>

namespace allot {

struct arena::fence {
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
  misuse_report overrun(std::string_view arena) const noexcept {
    if (live() || freed()) return {misuse_kind::overrun, arena, block + bytes, bytes};
    return {misuse_kind::overrun, arena, this};
  }

  static constexpr std::byte pad_pattern{0xfd};
};

namespace {
constexpr std::size_t fence_alignment = 8;
constexpr std::size_t least_pad = 8;
}  // namespace

/// The request as it is served where blocks are set apart: with a fence, with a tool's redzone, or as it is.
arena::request arena::set_apart(const request& plain) const noexcept {
  if (plain.bytes > max_object_bytes || !watched_) return plain;
  request apart = plain;
  apart.alignment = std::max(plain.alignment, memory_tools::granule);
  apart.gap = checked_ ? align_up(plain.bytes, fence_alignment) - plain.bytes + least_pad + sizeof(fence)
                       : (tool_ ? memory_tools::redzone : 0);
  return apart;
}

/// Sets the fence of a block that was just served with room for one.
void arena::put_fence(std::byte* p, std::size_t bytes) noexcept {
  std::byte* const pad = p + bytes;
  auto* const at = reinterpret_cast<std::byte*>(align_up(address_of(pad), fence_alignment) + least_pad);
  if (tool_) {
    memory_tools::unpoison(at, sizeof(fence));
  } else {
    std::fill(pad, at, fence::pad_pattern);
  }
  newest_fence_ = ::new (at) fence{newest_fence_, p, bytes, position(), 0};
  newest_fence_->sum = newest_fence_->expected();
}

/// Forgets the fences above `position`, and all when one cannot be believed. Then this is an overrun.
std::optional<misuse_report> arena::drop_fences(std::size_t position) noexcept {
  while (newest_fence_ != nullptr) {
    if (!newest_fence_->believable(!tool_)) {
      unfenced_blocks_ = true;
      return std::exchange(newest_fence_, nullptr)->overrun(name());
    }
    if (newest_fence_->position <= position) break;
    newest_fence_ = newest_fence_->previous;
  }
  return std::nullopt;
}

bool arena::fences_are_sound() const noexcept {
  const fence* f = newest_fence_;
  if (f != nullptr && f->believable(!tool_) && f->position > position()) return false;
  for (; f != nullptr; f = f->previous)
    if (!f->believable(!tool_)) return false;
  return true;
}

/// Where the fence of a block of that size lies, if the block is what the caller says; null when it is not there.
arena::fence* arena::expected_fence(const void* p, std::size_t bytes) const noexcept {
  const block_info region = find_block(p);
  std::size_t end = 0;
  if (region.begin == nullptr || !checked_add(address_of(p), bytes, end) ||
      !checked_align_up(end, fence_alignment, end))
    return nullptr;
  auto* const f = reinterpret_cast<fence*>(end + least_pad);
  if (!range_contains(region.begin, region.bytes, f, sizeof(fence))) return nullptr;
  for (const std::byte* at = f->start(); tool_ && at != f->end(); ++at)
    if (!memory_tools::accessible(at)) return nullptr;
  return (f->live() || f->freed()) && f->is_of(p) && f->bytes == bytes ? f : nullptr;
}

/// The fence of a live block of that size; null when there is none up to the first that cannot be believed.
arena::fence* arena::find_fence(const void* p, std::size_t bytes) const noexcept {
  fence* f = expected_fence(p, bytes);
  if (f == nullptr) {
    f = newest_fence_;
    while (f != nullptr && f->believable(!tool_) && !f->is_of(p)) f = f->previous;
  }
  return f != nullptr && f->live() && f->is_of(p) && f->bytes == bytes ? f : nullptr;
}

/// Looks whether the block can be freed as the caller says, and notes that it is. False: reported.
bool arena::free_fenced(const void* p, std::size_t bytes) {
  if (fence* const f = expected_fence(p, bytes); f != nullptr && f->live() && f->believable(!tool_)) {
    f->sum = ~f->sum;
    return true;
  }
  misuse_report wrong{misuse_kind::foreign_pointer, name(), p};
  for (fence* f = newest_fence_; f != nullptr; f = f->previous) {
    if (!f->believable(!tool_)) {
      wrong = f->overrun(name());
      break;
    }
    if (!f->is_of(p)) continue;
    if (f->live() && f->bytes == bytes) {  // it was shrunk and its fence stayed
      f->sum = ~f->sum;
      return true;
    }
    if (f->freed()) {
      wrong.kind = misuse_kind::double_free;
    } else {
      wrong = {misuse_kind::wrong_size, name(), p, bytes, f->bytes};
    }
    break;
  }
  if (wrong.kind == misuse_kind::foreign_pointer && unfenced_blocks_) return true;  // may well be one of those
  report_misuse(wrong);
  return false;
}

bool arena::is_newest(const void* p, std::size_t bytes) const noexcept {
  if (!range_contains(first_, static_cast<std::size_t>(cursor_ - first_), p, bytes)) return false;
  const std::byte* const end = static_cast<const std::byte*>(p) + bytes;
  if (end == cursor_) return true;
  if (!checked_) return redzones_ && static_cast<std::size_t>(cursor_ - end) == memory_tools::redzone;
  const fence* const f = newest_fence_;
  return f != nullptr && f->live() && f->is_of(p) && f->bytes == bytes && f->end() == cursor_;
}

/// A live block has another size from now on, and the cursor is at `cursor`.
void arena::move_end(std::byte* p, std::size_t old_bytes, std::size_t new_bytes, std::byte* cursor) noexcept {
  fence* const f = checked_ ? find_fence(p, old_bytes) : nullptr;
  const bool moves = cursor != cursor_;
  if (f != nullptr && moves) newest_fence_ = f->previous;
  if (moves) set_cursor(cursor);
  if (f == nullptr) return;
  if (moves) {
    put_fence(p, new_bytes);
  } else {  // the fence stays where it is, behind a pad of another length
    if (!tool_ && new_bytes < old_bytes) std::fill(p + new_bytes, p + old_bytes, fence::pad_pattern);
    f->bytes = new_bytes;
    f->sum = f->expected();
  }
}

/// Whether a block can be freed as the caller says. Reports what is wrong.
bool arena::may_free(const void* p, std::size_t bytes, std::size_t alignment) {
  misuse_report wrong{misuse_kind::foreign_pointer, name(), p};
  const block_info used = find_block(p);
  if (!is_power_of_two(alignment)) {
    wrong = {misuse_kind::invalid_alignment, name(), p, alignment};
  } else if (used.begin == nullptr || !range_contains(used.begin, used.bytes, p, 1)) {
    wrong.kind = misuse_kind::foreign_pointer;
  } else if (!is_aligned(p, alignment)) {
    wrong = {misuse_kind::wrong_alignment, name(), p, alignment, address_of(p) & (~address_of(p) + 1)};
  } else if (unfenced_blocks_ && !range_contains(used.begin, used.bytes, p, bytes)) {
    const auto offset = static_cast<std::size_t>(address_of(p) - address_of(used.begin));
    wrong = {misuse_kind::wrong_size, name(), p, bytes, used.bytes - offset, true, false};
  } else {
    return free_fenced(p, bytes);
  }
  report_misuse(wrong);
  return false;
}

bool arena::deallocate_watched(void* p, std::size_t bytes, std::size_t alignment) {
  bytes = std::max<std::size_t>(bytes, 1);
  if (checked_ && !may_free(p, bytes, alignment)) return false;
  if (tool_) memory_tools::poison(p, bytes);
  return true;
}

}  // namespace allot
