#include <algorithm>
#include <allot/core/block_sight.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/heap/coalescing_heap.hpp>

// Looking inside.

namespace allot {
namespace {

constexpr std::size_t granule = granule_table::granule;

}  // namespace

std::size_t coalescing_heap::available() const noexcept {
  std::size_t granules = 0;
  for (std::size_t i = 0; i < ranges_.size(); ++i) granules += ranges_[i].granules();
  return (granules - used_) * granule;
}

memory_usage coalescing_heap::usage() const noexcept {
  memory_usage now;
  now.reserved = now.committed = now.wasted = ranges_.table_bytes();
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    now.reserved += ranges_[i].held_bytes();
    now.committed += ranges_[i].committed_bytes();
    now.wasted += ranges_[i].book_bytes();
  }
  now.used = used_ * granule;
  now.peak = peak_ * granule;
  return now;
}

heap_statistics coalescing_heap::statistics() const noexcept {
  heap_statistics now;
  now.metadata = usage().wasted;
  for (const heap_block& block : blocks()) {
    ++(block.used ? now.live_blocks : now.free_blocks);
    (block.used ? now.live_bytes : now.free_bytes) += block.bytes;
    if (!block.used) now.largest_free = std::max(now.largest_free, block.bytes);
  }
  if (now.free_bytes != 0)
    now.fragmentation = 1 - static_cast<double>(now.largest_free) / static_cast<double>(now.free_bytes);
  return now;
}

heap_bin coalescing_heap::bin(std::size_t at) const noexcept {
  heap_bin found;
  found.least_bytes = std::max<std::size_t>(free_index::least_of(at), 1) * granule;
  index_.for_each([&](const free_index::block& block) {
    if (free_index::list_of(block.granules) != at) return;
    ++found.blocks;
    found.bytes += block.granules * granule;
  });
  return found;
}

block_info coalescing_heap::find_block(const void* p) const noexcept {
  const heap_range* const range = ranges_.find(p);
  if (range == nullptr) return {};
  const granule_table::block block = range->table().around(range->granule_of(p));
  return {range->at(block.start), range->table().size_at(block.start) * granule, false,
          block.used ? block_state::used : block_state::free};
}

block_extent coalescing_heap::live_block(const void* p) const noexcept {
  const heap_range* const range = ranges_.find(p);
  if (range == nullptr || !is_aligned(p, granule)) return {};
  const std::size_t at = range->granule_of(p);
  if (!range->table().is_used_start(at)) return {};
  return {block_bytes_of(p, range->table().size_at(at)), 1};
}

bool coalescing_heap::try_look_at(const void* p, block_sight& seen) const noexcept {
  seen.block = coalescing_heap::find_block(p);
  seen.state = seen.block.begin != nullptr ? seen.block.state : block_state::gap;
  return true;
}

void coalescing_heap::for_each_block(block_visitor visitor) const {
  for (const heap_block& block : blocks())
    visitor({block.address, block.bytes, false, block.used ? block_state::used : block_state::free});
}

bool coalescing_heap::check() const noexcept {
  std::size_t listed = 0;  // free blocks that must be in the index
  std::size_t used = 0;
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    const heap_range& range = ranges_[i];
    const granule_table& table = range.table();
    if (i != 0 && ranges_[i - 1].begin() >= range.begin()) return false;
    if (!table.is_start(range.granules()) || table.is_used(range.granules())) return false;
    bool last_used = true;
    for (std::size_t at = 0; at < range.granules();) {
      const std::size_t granules = table.size_at(at);
      if (!table.is_start(at) || granules == 0 || granules > range.granules() - at) return false;
      const granule_table::block seen = table.before(at + granules);
      if (seen.start != at || seen.used != table.is_used(at)) return false;
      if (!seen.used && !last_used) return false;
      if (seen.used) {
        used += granules;
      } else if (&range != newest_ || at != top_) {
        ++listed;
      }
      if (&range == newest_ && !seen.used && (at == top_) != (at + granules == range.granules())) return false;
      last_used = seen.used;
      at += granules;
    }
    if (&range == newest_ && top_ == range.granules() && !last_used) return false;
  }
  if (used != used_ || peak_ < used_ || !index_.check(listed)) return false;
  bool agrees = true;
  index_.for_each([&](const free_index::block& block) {
    const heap_range& range = ranges_.find_node(block.at);
    const std::size_t at = range.granule_of_node(block.at);
    agrees = agrees && range.table().is_start(at) && !range.table().is_used(at) &&
             range.table().size_at(at) == block.granules;
  });
  return agrees;
}

}  // namespace allot
