#include <algorithm>
#include <allot/arena/mark_book.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/os/virtual_memory.hpp>
#include <atomic>
#include <utility>

namespace allot {

std::uint64_t mark_book::new_id() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

arena_mark mark_book::take_mark_out_of_line(std::size_t position) noexcept {
  if (id_ == 0) id_ = new_id();
  const std::uint64_t before = std::exchange(inline_id_, id_);
  const arena_mark taken = take_mark(position);
  inline_id_ = before;
  return taken;
}

bool mark_book::is_good(const arena_mark& mark) const noexcept {
  return mark.arena_ == id_ && id_ != 0 && never_below(mark.position_, mark.moment_);
}

void mark_book::note_lowering(std::size_t position, bool exact) noexcept {
  if (none_above(position)) return;
  clock_ += one_event;
  record(static_cast<std::ptrdiff_t>(position), exact);
  floor_ = position + 1;
}

void mark_book::forget(bool exact) noexcept {
  clock_ += one_event;
  drop_entries();
  record(nowhere, exact);
  floor_ = 0;
}

/// At the present moment, later than all before, the arena went down to `lowest`.
void mark_book::record(std::ptrdiff_t lowest, bool exact) noexcept {
  entry* all = entries();
  while (count_ != 0 && all[count_ - 1].lowest >= lowest) --count_;
  if (count_ == capacity_ && !((exact || exact_) && grow())) {
    forgotten_ = all[0].moment;
    std::copy(all + 1, all + count_, all);
    --count_;
  }
  entries()[count_++] = {clock_ / one_event, lowest};
}

/// Whether the arena was never below `position` after `moment`.
bool mark_book::never_below(std::size_t position, std::uint64_t moment) const noexcept {
  const entry* const last = entries() + count_;
  const entry* const later =
      std::upper_bound(entries(), last, moment, [](std::uint64_t at, const entry& other) { return at < other.moment; });
  return later == last || later->lowest >= static_cast<std::ptrdiff_t>(position);
}

/// Twice the room, in pages. False, and nothing changed, when the system has none.
bool mark_book::grow() noexcept {
  const std::size_t page = os::facts().page_size;
  if (page == 0) return false;
  const std::size_t capacity = align_up(2 * capacity_ * sizeof(entry), page) / sizeof(entry);
  const os::mapping made = os::map(align_up(capacity * sizeof(entry), page), 1, os::access::read_write);
  if (!made) return false;
  auto* const fresh = static_cast<entry*>(made.address);
  const std::size_t count = count_;
  std::copy(entries(), entries() + count, fresh);
  drop_entries();
  pages_ = fresh;
  capacity_ = capacity;
  count_ = count;
  return true;
}

void mark_book::drop_entries() noexcept {
  if (pages_ != nullptr) (void)os::release(pages_, align_up(capacity_ * sizeof(entry), os::facts().page_size));
  pages_ = nullptr;
  capacity_ = in_place;
  count_ = 0;
}

}  // namespace allot
