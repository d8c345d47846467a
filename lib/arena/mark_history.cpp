#include <algorithm>
#include <allot/arena/mark_history.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/os/virtual_memory.hpp>

namespace allot {

void mark_history::record(std::uint64_t moment, std::ptrdiff_t position, bool exact) noexcept {
  entry* all = entries();
  while (count_ != 0 && all[count_ - 1].lowest >= position) --count_;
  if (count_ == capacity_ && !(exact && grow())) {
    std::copy(all + 1, all + count_, all);
    --count_;
  }
  entries()[count_++] = {moment, position};
}

bool mark_history::never_below(std::size_t position, std::uint64_t moment) const noexcept {
  const entry* const last = entries() + count_;
  const entry* const later =
      std::upper_bound(entries(), last, moment, [](std::uint64_t at, const entry& other) { return at < other.moment; });
  return later == last || later->lowest >= static_cast<std::ptrdiff_t>(position);
}

/// Twice the room, in pages. False, and nothing changed, when the system has none.
bool mark_history::grow() noexcept {
  const std::size_t page = os::facts().page_size;
  if (page == 0) return false;
  const std::size_t capacity = align_up(2 * capacity_ * sizeof(entry), page) / sizeof(entry);
  const os::mapping made = os::map(align_up(capacity * sizeof(entry), page), 1, os::access::read_write);
  if (!made) return false;
  auto* const fresh = static_cast<entry*>(made.address);
  const std::size_t count = count_;
  std::copy(entries(), entries() + count, fresh);
  forget();
  pages_ = fresh;
  capacity_ = capacity;
  count_ = count;
  return true;
}

void mark_history::forget() noexcept {
  if (pages_ != nullptr) (void)os::release(pages_, align_up(capacity_ * sizeof(entry), os::facts().page_size));
  pages_ = nullptr;
  capacity_ = in_place;
  count_ = 0;
}

}  // namespace allot
