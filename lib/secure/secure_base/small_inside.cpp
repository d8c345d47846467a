// Looking into small blocks: what is where, and whether it is as it should be.

#include <allot/core/bits.hpp>
#include <allot/core/memory_tools.hpp>

#include "small_blocks.hpp"

namespace allot::secure {

using records::state;

small_blocks::location small_blocks::locate(const void* p) const noexcept {
  location found;
  for (const size_class& each : classes_) {
    for (const region* in = each.newest; in != nullptr; in = in->older) {
      if (!range_contains(in->base, in->bytes, p, 1)) continue;
      const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(p) - in->base);
      const slab* const of = in->slabs[offset >> each.slab_shift];
      found.is = location::what::guard;
      if (of == nullptr) return found;
      const std::size_t place = (offset & ((std::size_t{1} << each.slab_shift) - 1)) / each.stride;
      if (place >= each.places) return found;
      found.begin = of->memory + place * each.stride;
      found.about = of->places()[place];
      found.place_bytes = each.stride;
      found.is = found.about == 0 ? location::what::unused : location::what::place;
      // Records of blocks of 0 bytes have no tags.
      found.intact = each.inaccessible || patterns(has_, context_.keys).tag_holds(found.begin, found.about);
      return found;
    }
  }
  return found;
}

void small_blocks::for_each_block(block_visitor visitor) const {
  for (const size_class& each : classes_)
    for (const region* in = each.newest; in != nullptr; in = in->older)
      for (std::size_t position = 0; position < in->next; ++position) {
        const slab* const of = in->slabs[position];
        for (std::uint32_t place = 0; of != nullptr && place < each.places; ++place)
          if (const record about = of->places()[place]; records::state_of(about) != state::never)
            visitor({of->memory + std::size_t{place} * each.stride, records::bytes(about), true,
                     records::state_of(about) == state::live ? block_state::used : block_state::free});
      }
}

std::size_t small_blocks::quarantined_blocks() const noexcept {
  std::size_t sum = 0;
  for (const size_class& each : classes_) sum += each.freed.waiting();
  return sum;
}

std::size_t small_blocks::quarantined_bytes() const noexcept {
  std::size_t sum = 0;
  for (const size_class& each : classes_) sum += each.freed.waiting() * each.stride;
  return sum;
}

bool small_blocks::check() {
  std::size_t live_bytes = 0;
  bool sound = true;
  for (size_class& each : classes_) sound = check_class(each, live_bytes) && sound;
  return sound && live_bytes <= context_.used;
}

bool small_blocks::check_class(const size_class& one, std::size_t& live_bytes) {
  bool sound = true;
  std::size_t empty = 0;
  for (const region* in = one.newest; in != nullptr; in = in->older) {
    for (std::size_t position = 0; position < in->next; ++position) {
      slab* const of = in->slabs[position];
      if (of == nullptr) continue;
      if (!check_slab(one, *of, live_bytes)) sound = false;
    }
  }
  for (const slab* at = one.partial; at != nullptr; at = at->next) {
    sound = sound && at->listed && at->free_places != 0 && (at->next == nullptr || at->next->previous == at);
    if (at->free_places == one.places) ++empty;
  }
  if (one.current != nullptr && one.current->free_places == one.places) ++empty;
  return sound && empty == one.empty;
}

bool small_blocks::check_slab(const size_class& one, slab& of, std::size_t& live_bytes) {
  const patterns around(has_, context_.keys);
  std::size_t free = 0;
  for (std::size_t word = 0; word < of.words; ++word) free += bits_set(of.free_bits()[word]);
  bool sound = free == of.free_places;
  for (std::uint32_t place = 0; place < one.places; ++place) {
    std::byte* const begin = of.memory + std::size_t{place} * one.stride;
    const record about = of.places()[place];
    const bool live = records::state_of(about) == state::live;
    if (!one.inaccessible && !around.tag_holds(begin, about)) {
      context_.find(misuse_kind::damaged_records, begin, 0);
      sound = false;
      continue;
    }
    if (live) live_bytes += records::bytes(about);
    if (live && test_bit(of.free_bits(), place)) sound = false;
    if (one.inaccessible || !of.accessible) continue;
    if (context_.tool) open_for_us(one, begin);
    if (live && has_.canaries && !around.intact_in_use(begin, records::bytes(about), one.stride, about)) {
      context_.find(misuse_kind::overrun, begin, records::bytes(about));
      sound = false;
    }
    if (!live && has_.zero && !around.untouched(begin, one.stride, about)) {
      context_.find(misuse_kind::write_after_free, begin, records::bytes(about));
      sound = false;
    }
    if (context_.tool) close_for_others(one, begin, live ? records::bytes(about) : 0);
  }
  if (one.inaccessible || !of.accessible || !has_.canaries) return sound;
  std::byte* const tail = tail_of(one, of);
  if (context_.tool) memory_tools::unpoison(tail, sizeof(std::uint64_t));
  if (load_word(tail) != context_.keys.canary(tail, 0, context_.strong)) {
    context_.find(misuse_kind::underrun, tail, 0);
    sound = false;
  }
  if (context_.tool) memory_tools::poison(tail, sizeof(std::uint64_t));
  return sound;
}

}  // namespace allot::secure
