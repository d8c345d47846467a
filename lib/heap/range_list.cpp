#include <algorithm>
#include <allot/core/allocation_error.hpp>
#include <allot/heap/range_list.hpp>
#include <functional>

namespace allot {
namespace {

/// The first range that begins behind p.
heap_range** behind(heap_range** first, std::size_t count, const void* p) noexcept {
  return std::upper_bound(first, first + count, p, [](const void* address, const heap_range* range) {
    return std::less<const void*>()(address, range->begin());
  });
}

}  // namespace

heap_range range_list::none_;

heap_range* range_list::search(const void* p) const noexcept {
  heap_range** const at = behind(entries_, count_, p);
  if (at == entries_ || !at[-1]->holds(p)) return nullptr;
  return recent_ = at[-1];
}

heap_range& range_list::search_node(const void* node) const noexcept {
  // But for a tool's sake nodes lie in their blocks.
  if (heap_range* const range = search(node); range != nullptr && range->holds_node(node)) return *range;
  std::size_t at = 0;
  while (!entries_[at]->holds_node(node)) ++at;
  return *entries_[at];
}

std::size_t range_list::index_of(const heap_range& range) const noexcept {
  return static_cast<std::size_t>(behind(entries_, count_, range.begin()) - entries_) - 1;
}

void range_list::make_room() {
  if (count_ < room_) return;
  const std::size_t bytes = room_ * 4 * sizeof(heap_range*);
  heap_range** more = nullptr;
  if (upstream_ != nullptr) {
    more = static_cast<heap_range**>(upstream_->allocate(bytes, alignof(heap_range*)));
  } else {
    const os::mapping made = os::map(bytes, 1, os::access::read_write);
    if (!made) throw allocation_error({made.outcome.error, "coalescing_heap", bytes, 0, 0, made.outcome.os_code});
    more = static_cast<heap_range**>(made.address);
  }
  std::copy_n(entries_, count_, more);
  const std::size_t room = room_ * 4;
  drop_table();
  entries_ = more;
  room_ = room;
}

void range_list::add(heap_range& range) noexcept {
  heap_range** const end = entries_ + count_;
  heap_range** const at = behind(entries_, count_, range.begin());
  std::move_backward(at, end, end + 1);
  *at = &range;
  ++count_;
  recent_ = &range;
}

void range_list::remove(heap_range& range) noexcept {
  heap_range** const at = entries_ + index_of(range);
  std::move(at + 1, entries_ + count_, at);
  --count_;
  recent_ = count_ != 0 ? entries_[0] : &none_;
  if (count_ == 0) drop_table();
}

void range_list::clear() noexcept {
  count_ = 0;
  recent_ = &none_;
  drop_table();
}

void range_list::drop_table() noexcept {
  const std::size_t bytes = table_bytes();
  if (bytes == 0) return;
  if (upstream_ != nullptr) {
    upstream_->deallocate(entries_, bytes, alignof(heap_range*));
  } else {
    (void)os::release(entries_, bytes);
  }
  entries_ = near_;
  room_ = near_room;
}

}  // namespace allot
