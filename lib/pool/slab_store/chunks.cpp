#include <algorithm>
#include <allot/core/bits.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/log_link.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/pool/slab_store.hpp>
#include <iterator>
#include <new>
#include <utility>

#include "chunk.hpp"

// How chunks come from the upstream and go back, and what they have.

namespace allot {

std::size_t slab_store::next_chunk_bytes(const shape& blocks) const noexcept {
  std::size_t bytes =
      std::clamp(align_down(held_ / 8, chunk::largest_unit), options_.first_chunk, options_.largest_chunk);
  std::size_t most = 0;
  if (options_.max_blocks_per_chunk != 0 && checked_multiply(options_.max_blocks_per_chunk, blocks.bytes, most) &&
      most < bytes)
    bytes = std::min(bytes, chunk::bytes_for(most, blocks));
  return std::max(bytes, chunk::least_bytes(blocks));
}

/// What the upstream refuses is tried for with half the size, down to one block.
void slab_store::new_chunk(const shape& blocks) {
  const std::size_t least = chunk::least_bytes(blocks);
  std::size_t bytes = next_chunk_bytes(blocks);
  void* memory = nullptr;
  for (;;) {
    try {
      memory = upstream_->allocate(bytes, chunk::alignment);
      break;
    } catch (const std::bad_alloc&) {
      if (bytes == least) throw;
    }
    bytes = std::max(align_down(bytes / 2, chunk::alignment), least);
  }

  if (entry_count_ == entry_room_) {
    const std::size_t room = entry_room_ * 4;
    chunk_entry* more = nullptr;
    try {
      more = static_cast<chunk_entry*>(upstream_->allocate(room * sizeof(chunk_entry), alignof(chunk_entry)));
    } catch (...) {
      upstream_->deallocate(memory, bytes, chunk::alignment);
      throw;
    }
    std::copy_n(entries_, entry_count_, more);
    drop_entries();
    entries_ = more;
    entry_room_ = room;
    held_ += room * sizeof(chunk_entry);
  }

  const chunk_entry made{address_of(memory), chunk::make(memory, bytes, blocks)};
  if (watched_) memory_tools::poison(made.held->units, made.held->unit_bytes());
  chunk_entry* const end = entries_ + entry_count_;
  chunk_entry* const at = std::upper_bound(
      entries_, end, made.begin, [](std::uintptr_t begin, const chunk_entry& entry) { return begin < entry.begin; });
  std::move_backward(at, end, end + 1);
  *at = made;
  ++entry_count_;
  ++empty_chunks_;
  held_ += bytes;
  forget_found();
  if (owner_ != nullptr) (void)os::address_registry::add({memory, bytes, owner_, owner_->kind(), shared_});
}

void slab_store::give_back(chunk& empty) noexcept {
  chunk_entry* const end = entries_ + entry_count_;
  chunk_entry* const at = std::find_if(entries_, end, [&](const chunk_entry& entry) { return entry.held == &empty; });
  std::move(at + 1, end, at);
  --entry_count_;
  --empty_chunks_;
  held_ -= empty.bytes;
  forget_found();
  deallocate(empty);
}

void slab_store::deallocate(chunk& gone) noexcept {
  if (owner_ != nullptr) os::address_registry::remove(&gone, owner_);
  if (watched_) memory_tools::unpoison(&gone, gone.bytes);
  upstream_->deallocate(&gone, gone.bytes, chunk::alignment);
}

/// Of what goes back without trim(). Only for a pool of one thread: others have a lock here that sinks must not meet.
void slab_store::log_given_back(std::size_t bytes) const noexcept {
  if (owner_ != nullptr && !shared_) log_link::tell({memory_event_kind::trim, nullptr, bytes, 0, 0, owner_->name()});
}

/// To be called when chunks come or go.
void slab_store::forget_found() noexcept {
  std::fill(std::begin(found_), std::end(found_), nullptr);
  constexpr std::size_t smallest_part = std::size_t{64} << 10;
  found_shift_ = log2_of(smallest_part);
  while (held_ >> found_shift_ > found_slots / 2) ++found_shift_;
  if (sightings_ != nullptr) sightings_->forget(held_);
}

std::size_t slab_store::free_unit_bytes() const noexcept {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < entry_count_; ++i) bytes += entries_[i].held->free_bytes();
  return bytes;
}

void slab_store::for_each_unused(block_visitor visitor) const {
  for (std::size_t i = 0; i < entry_count_; ++i) {
    const chunk& held = *entries_[i].held;
    for (std::size_t at = find_bit(held.free_bits, 0, held.unit_count, true); at < held.unit_count;) {
      const std::size_t end = find_bit(held.free_bits, at, held.unit_count, false);
      visitor({held.units + (at << held.unit_shift), (end - at) << held.unit_shift, false, block_state::free});
      at = find_bit(held.free_bits, end, held.unit_count, true);
    }
  }
}

std::size_t slab_store::overhead_bytes() const noexcept {
  std::size_t bytes = held_;
  for (std::size_t i = 0; i < entry_count_; ++i) bytes -= entries_[i].held->unit_bytes();
  return bytes;
}

std::size_t slab_store::trim() noexcept {
  const std::size_t before = held_;
  for (std::size_t i = 0; i < class_count_; ++i) {
    for (slab* each = classes_[i].first_open; each != nullptr;) {
      slab* const next = each->next;
      each->made_ahead = false;
      if (each->free == each->blocks) retire(*each);
      each = next;
    }
  }
  for (std::size_t i = entry_count_; i-- > 0;)
    if (entries_[i].held->is_empty()) give_back(*entries_[i].held);
  if (entry_count_ == 0) drop_entries();
  return before - held_;
}

void slab_store::drop_entries() noexcept {
  if (entries_ == near_) return;
  const std::size_t bytes = entry_room_ * sizeof(chunk_entry);
  upstream_->deallocate(std::exchange(entries_, near_), bytes, alignof(chunk_entry));
  entry_room_ = near_entries;
  held_ -= bytes;
}

void slab_store::release() noexcept {
  for (std::size_t i = 0; i < entry_count_; ++i) deallocate(*entries_[i].held);
  entry_count_ = 0;
  drop_entries();
  if (own_sizes_ != nullptr) upstream_->deallocate(own_sizes_, sizeof(size_table), alignof(size_table));
  abandon();
}

void slab_store::abandon() noexcept {
  // What was in lists that were given up with the rest is found by its owner alone.
  if (owner_ != nullptr && entries_ != near_) os::address_registry::remove_all(owner_);
  for (std::size_t i = 0; owner_ != nullptr && entries_ == near_ && i < entry_count_; ++i)
    os::address_registry::remove(entries_[i].held, owner_);
  if (own_sizes_ != nullptr) sizes_ = own_sizes_ = nullptr;
  for (class_state& state : classes_) state = {};
  entries_ = near_;
  entry_room_ = near_entries;
  entry_count_ = held_ = empty_chunks_ = taken_ = arrays_ = 0;
  forget_found();
}

bool slab_store::check() const noexcept {
  class_state found[size_table::most_classes];
  std::size_t empty = 0;
  bool sound = true;
  for (std::size_t i = 0; i < entry_count_; ++i) {
    const chunk& held = *entries_[i].held;
    sound = sound && entries_[i].begin == address_of(&held) && (i == 0 || entries_[i - 1].begin < entries_[i].begin) &&
            held.check();
    if (held.is_empty()) ++empty;
    held.for_each_slab([&](const slab& each) {
      account& counts = found[each.class_index].counts;
      counts.blocks += each.blocks;
      counts.free += each.free;
      counts.bytes += held.bytes_of(each);
      ++counts.slabs;
    });
  }
  for (std::size_t i = 0; i < size_table::most_classes; ++i) {
    const account& a = classes_[i].counts;
    const account& b = found[i].counts;
    sound = sound && a.blocks == b.blocks && a.free == b.free && a.bytes == b.bytes && a.slabs == b.slabs;
    std::size_t open = 0;
    for (const slab* each = classes_[i].first_open; each != nullptr && open <= a.slabs; each = each->next) {
      sound = sound && each->free != 0 && each->class_index == i;
      ++open;
    }
    sound = sound && open <= a.slabs;
  }
  return sound && empty == empty_chunks_;
}

}  // namespace allot
