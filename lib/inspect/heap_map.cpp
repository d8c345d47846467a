#include <algorithm>
#include <allot/core/bits.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/inspect/heap_map.hpp>
#include <allot/inspect/inspection_memory.hpp>

namespace allot {
namespace {

constexpr std::size_t fewest_cells = 64;
constexpr std::size_t most_possible = max_object_bytes / 2 / sizeof(heap_cell);
constexpr std::size_t smallest_window = 16;
constexpr std::size_t largest_window = ~(~std::size_t{0} >> 1);

/// What a resource says of itself may be nonsense; sums of it stay at the largest number.
void add_up(std::size_t& sum, std::size_t more) noexcept {
  if (!checked_add(sum, more, sum)) sum = ~std::size_t{0};
}

std::uintptr_t end_of(const heap_cell& cell) noexcept {
  const std::uintptr_t begin = address_of(cell.begin);
  return begin + std::min<std::uintptr_t>(cell.span, ~std::uintptr_t{0} - begin);
}

void merge(heap_cell& into, const heap_cell& next) noexcept {
  const std::uintptr_t end = std::max(end_of(into), end_of(next));
  into.begin = address_of(next.begin) < address_of(into.begin) ? next.begin : into.begin;
  into.span = end - address_of(into.begin);
  into.smallest = std::min(into.smallest, next.smallest);
  into.largest = std::max(into.largest, next.largest);
  into.exact = into.exact && next.exact;
  for (const block_state state : heap_shares::states) into.shares.add(state, next.shares[state]);
}

}  // namespace

heap_share heap_shares::sum() const noexcept {
  heap_share all;
  for (const heap_share& each : all_) {
    add_up(all.blocks, each.blocks);
    add_up(all.bytes, each.bytes);
  }
  return all;
}

void heap_shares::add(block_state state, const heap_share& more) noexcept {
  heap_share& share = all_[place_of(state)];
  add_up(share.blocks, more.blocks);
  add_up(share.bytes, more.bytes);
}

heap_map::heap_map(std::size_t most_cells, std::pmr::memory_resource* memory)
    : most_cells_(std::clamp(most_cells, fewest_cells, most_possible)),
      cells_(memory != nullptr ? memory : &inspection_memory()) {
  cells_.reserve(2 * most_cells_);
}

heap_map take_heap_map(const resource& walked, const heap_map_options& options) {
  heap_map map(options.most_cells, options.memory);
  map.name_.append(walked.name());
  map.kind_.append(walked.kind());
  map.usage_ = walked.usage();
  walked.for_each_block([&map](const block_info& block) { map.add(block); });
  map.settle();
  return map;
}

heap_map heap_map_of(std::string_view name, const std::vector<block_info>& blocks, const heap_map_options& options) {
  heap_map map(options.most_cells, options.memory);
  map.name_.append(name).make_printable();
  map.kind_ = map.name_;
  for (const block_info& block : blocks) map.add(block);
  map.settle();
  return map;
}

heap_map heap_map::coarser(std::size_t most_cells, std::pmr::memory_resource* memory) const {
  heap_map map(most_cells, memory != nullptr ? memory : cells_.get_allocator().resource());
  map.name_ = name_;
  map.kind_ = kind_;
  map.usage_ = usage_;
  map.shares_ = shares_;
  map.largest_ = largest_;
  map.sizes_ = sizes_;
  map.window_ = window_;
  for (const heap_cell& cell : cells_) map.keep(cell);
  map.settle();
  return map;
}

double heap_map::fragmentation() const noexcept {
  const std::size_t free = shares_[block_state::free].bytes;
  return free == 0 ? 0.0 : 1.0 - static_cast<double>(largest(block_state::free)) / static_cast<double>(free);
}

void heap_map::add(const block_info& block) noexcept {
  if (block.bytes == 0) return;
  const heap_share one{1, block.bytes};
  shares_.add(block.state, one);
  sizes_[highest_bit(block.bytes)].add(block.state, one);
  std::size_t& largest = largest_[heap_shares::place_of(block.state)];
  largest = std::max(largest, block.bytes);
  heap_cell cell{block.begin, block.bytes, block.bytes, block.bytes, block.exact, {}};
  cell.shares.add(block.state, one);
  keep(cell);
}

void heap_map::keep(const heap_cell& cell) noexcept {
  if (window_ != 0 && !cells_.empty() && together(cells_.back(), cell)) return merge(cells_.back(), cell);
  if (cells_.size() == 2 * most_cells_) settle();
  cells_.push_back(cell);
}

/// Cells of a window are one, unless one of them is a block as long as the window.
bool heap_map::together(const heap_cell& a, const heap_cell& b) const noexcept {
  const auto window_of = [this](const heap_cell& cell) { return address_of(cell.begin) / window_; };
  return window_of(a) == window_of(b) && a.largest < window_ && b.largest < window_;
}

/// Puts the cells in order, and makes them as few as they may be. The window is the smallest with which they are so
/// few, in whatever order the blocks came: more blocks never make fewer cells, so what was too small for some is for
/// all.
void heap_map::settle() noexcept {
  const auto before = [](const heap_cell& a, const heap_cell& b) { return address_of(a.begin) < address_of(b.begin); };
  if (!std::is_sorted(cells_.begin(), cells_.end(), before)) std::sort(cells_.begin(), cells_.end(), before);
  if (window_ != 0) merge_within_window();
  while (cells_.size() > most_cells_ && window_ != largest_window) {
    window_ = std::max(window_ * 2, smallest_window);
    merge_within_window();
  }
  // Only blocks that overlap one another, or all addresses, can be too many yet.
  while (cells_.size() > most_cells_) {
    merge(*(cells_.end() - 2), cells_.back());
    cells_.pop_back();
  }
}

void heap_map::merge_within_window() noexcept {
  auto last = cells_.begin();
  for (auto next = cells_.begin(); next != cells_.end(); ++next) {
    if (next == last) continue;
    if (together(*last, *next))
      merge(*last, *next);
    else
      *++last = *next;
  }
  if (!cells_.empty()) cells_.erase(last + 1, cells_.end());
}

}  // namespace allot
