#include <algorithm>
#include <allot/block/reserved_range.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <cstring>
#include <utility>

namespace allot {
namespace {

std::size_t guard_size() noexcept { return os::facts().page_size; }

void give_back(void* p, std::size_t bytes) noexcept {
  // No map entry to split with: at least the contents and the charge go.
  if (!os::release(p, bytes)) (void)os::decommit(p, bytes);
}

}  // namespace

reserved_range::reserved_range(reserved_range&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      committed_(std::exchange(other.committed_, 0)),
      alignment_(other.alignment_),
      ladder_(other.ladder_) {}

bool reserved_range::whole_pages(std::size_t bytes, std::size_t& rounded) const noexcept {
  std::size_t padded = 0;
  if (!checked_add(bytes, ladder_.page_size - 1, padded)) return false;
  rounded = padded / ladder_.page_size * ladder_.page_size;
  return rounded <= max_object_bytes - guard_size();
}

os::status reserved_range::reserve(std::size_t bytes, std::size_t least, const commit_ladder& ladder,
                                   std::size_t alignment) noexcept {
  if (os::facts().page_size == 0) return {memory_errc::page_size_unknown, 0};
  reserved_range fresh({}, ladder, alignment);
  std::size_t size = 0;
  std::size_t smallest = 0;
  if (!fresh.whole_pages(bytes, size) || !fresh.whole_pages(std::min(least, bytes), smallest))
    return {memory_errc::size_overflow, 0};
  smallest = std::max(smallest, ladder.page_size);

  const std::size_t start = std::max({alignment, is_power_of_two(ladder.page_size) ? ladder.page_size : 1,
                                      ladder.huge_pages ? os::facts().advised_page_size : 1});
  os::mapping made = os::reserve(size + guard_size(), start);
  while (!made && size > smallest) {
    size = std::max(size / 2 / ladder.page_size * ladder.page_size, smallest);
    made = os::reserve(size + guard_size(), start);
  }
  if (!made) return made.outcome;
  if (ladder.huge_pages) (void)os::advise(made.address, size, os::advice::huge_pages);
  release();
  data_ = static_cast<std::byte*>(made.address);
  size_ = size;
  alignment_ = alignment;
  ladder_ = ladder;
  return {};
}

os::status reserved_range::commit(std::size_t needed, std::size_t most) noexcept {
  if (needed <= committed_) return {};
  if (needed > size_) return {memory_errc::limit_reached, 0};
  const std::size_t least = ladder_.least(needed, size_);
  std::size_t target = ladder_.target(committed_, needed, size_);
  if (target > most) target = least;
  if (target > most) return {memory_errc::limit_reached, 0};
  os::status outcome = os::commit(committed_end(), target - committed_);
  if (!outcome && target != least) {
    target = least;
    outcome = os::commit(committed_end(), target - committed_);
  }
  if (!outcome) return outcome;
  const std::size_t step = target - committed_;
  if (ladder_.populates(step)) (void)os::populate(committed_end(), step);
  committed_ = target;
  return {};
}

os::status reserved_range::decommit(std::size_t kept) noexcept {
  if (committed_ == 0) return {};
  const std::size_t target = ladder_.least(std::min(kept, size_), size_);
  if (target >= committed_) return {};
  if (memory_tools::active()) memory_tools::unpoison(data_ + target, committed_ - target);
  if (const os::status outcome = os::decommit(data_ + target, committed_ - target); !outcome) return outcome;
  // The advice goes with the pages.
  if (ladder_.huge_pages) (void)os::advise(data_ + target, committed_ - target, os::advice::huge_pages);
  committed_ = target;
  return {};
}

os::status reserved_range::resize(std::size_t bytes, bool may_move, std::size_t needed) noexcept {
  std::size_t size = 0;
  if (bytes == 0) return {memory_errc::invalid_size, 0};
  if (!whole_pages(bytes, size)) return {memory_errc::size_overflow, 0};
  if (needed > size) return {memory_errc::limit_reached, 0};
  if (size == size_) return commit(needed);
  std::byte* const end = data_ + size_ + guard_size();
  if (size < size_) {
    std::byte* const kept_end = data_ + size + guard_size();
    if (memory_tools::active() && committed_ > size) memory_tools::unpoison(data_ + size, committed_ - size);
    const os::status outcome = os::release(kept_end, static_cast<std::size_t>(end - kept_end));
    if (!outcome) return outcome;
    if (committed_ > size) {
      if (!os::decommit(data_ + size, guard_size())) std::memset(data_ + size, 0, guard_size());
      committed_ = size;
    }
    size_ = size;
    return {};
  }
  const os::placement behind{os::placement::how::fixed, end};
  if (os::reserve(size - size_, 1, behind)) {
    if (ladder_.huge_pages) (void)os::advise(data_, size, os::advice::huge_pages);
    const std::size_t before = std::exchange(size_, size);
    const os::status outcome = commit(needed);
    // Without a map entry to split with, the addresses stay reserved for good.
    if (!outcome && !resize(before, false)) size_ = before;
    return outcome;
  }
  return may_move ? move_to(size, needed) : os::status{memory_errc::address_in_use, 0};
}

/// Another reservation takes over the committed pages; this one is given up only when nothing can fail any more.
os::status reserved_range::move_to(std::size_t bytes, std::size_t needed) noexcept {
  reserved_range fresh;
  if (const os::status outcome = fresh.reserve(bytes, bytes, ladder_, alignment_); !outcome) return outcome;
  // What is committed already comes along, so only what is behind that is committed there.
  reserved_range behind({fresh.data_, fresh.size_, committed_}, ladder_, alignment_);
  const os::status committed = behind.commit(needed);
  const std::size_t usable = behind.detach().committed;
  if (!committed) return committed;
  if (committed_ != 0) {
    if (memory_tools::active()) memory_tools::unpoison(data_, committed_);
    if (os::move_pages(data_, committed_, fresh.data_)) {
      give_back(committed_end(), size_ + guard_size() - committed_);
      data_ = nullptr;
    } else {
      if (const os::status outcome = os::commit(fresh.data_, committed_); !outcome) return outcome;
      std::memcpy(fresh.data_, data_, committed_);
    }
  }
  fresh.committed_ = usable;
  release();
  data_ = std::exchange(fresh.data_, nullptr);
  size_ = std::exchange(fresh.size_, 0);
  committed_ = std::exchange(fresh.committed_, 0);
  return {};
}

reserved_range::extent reserved_range::detach() noexcept {
  return {std::exchange(data_, nullptr), std::exchange(size_, 0), std::exchange(committed_, 0)};
}

void reserved_range::release() noexcept {
  if (data_ != nullptr) {
    if (memory_tools::active()) memory_tools::unpoison(data_, committed_);
    give_back(data_, size_ + guard_size());
  }
  data_ = nullptr;
  size_ = committed_ = 0;
}

}  // namespace allot
