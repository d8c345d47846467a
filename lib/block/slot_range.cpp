#include <algorithm>
#include <allot/block/guarded_pages.hpp>
#include <allot/block/slot_range.hpp>

namespace allot {

slot_range::slot_range(std::size_t slots, std::size_t slot_bytes) noexcept : slots_(slots), slot_bytes_(0) {
  const std::size_t page = os::facts().page_size;
  if (slots == 0 || page == 0) return;
  std::size_t rounded = 0;
  std::size_t stride = 0;
  std::size_t strides = 0;
  std::size_t total = 0;
  if (!checked_align_up(std::max<std::size_t>(slot_bytes, 1), page, rounded) || !checked_add(rounded, page, stride) ||
      !checked_multiply(slots, stride, strides) || !checked_add(strides, page, total) || total > max_object_bytes)
    return;
  slot_bytes_ = rounded;
  bytes_ = total;
}

os::status slot_range::open() noexcept {
  if (bytes() != 0) return {};
  if (os::facts().page_size == 0) return {memory_errc::page_size_unknown, 0};
  if (bytes_ == 0) return {memory_errc::size_overflow, 0};
  const os::mapping made = os::reserve(bytes_);
  if (!made) return made.outcome;
  begin_.store(address_of(made.address), std::memory_order_relaxed);
  open_bytes_.store(bytes_, std::memory_order_release);
  return {};
}

void slot_range::close() noexcept {
  if (bytes() == 0) return;
  give_back_pages(reinterpret_cast<void*>(begin_.load(std::memory_order_relaxed)), bytes_);
  open_bytes_.store(0, std::memory_order_relaxed);
  used_ = 0;
}

std::byte* slot_range::slot(std::size_t index) const noexcept {
  const std::size_t page = os::facts().page_size;
  return reinterpret_cast<std::byte*>(begin_.load(std::memory_order_relaxed)) + page + index * (slot_bytes_ + page);
}

std::byte* slot_range::slot_of(const void* p) const noexcept {
  const std::size_t page = os::facts().page_size;
  return slot((address_of(p) - begin_.load(std::memory_order_relaxed) - page) / (slot_bytes_ + page));
}

}  // namespace allot
