#include "small_blocks.hpp"

#include <algorithm>
#include <allot/core/bits.hpp>
#include <allot/core/memory_tools.hpp>
#include <cstring>

namespace allot::secure {
namespace {

using records::state;

constexpr std::size_t verified_whole = 1024;  // bytes of a block up to which all are verified, where not all always are
constexpr std::size_t verified_part = 256;    // and of what lies behind that

}  // namespace

void* small_blocks::allocate(size_class& from, std::size_t bytes, std::size_t alignment) {
  switch (from.as) {
    case shape::bare:
      return allocate_with(bare_features{}, from, bytes, alignment);
    case shape::hardened:
      return allocate_with(hardened_features{}, from, bytes, alignment);
    case shape::paranoid:
      return allocate_with(paranoid_features{}, from, bytes, alignment);
    case shape::any:
      break;
  }
  return allocate_with(has_, from, bytes, alignment);
}

bool small_blocks::deallocate(size_class& from, void* p, std::size_t bytes, std::size_t alignment) {
  switch (from.as) {
    case shape::bare:
      return deallocate_with(bare_features{}, from, p, bytes, alignment);
    case shape::hardened:
      return deallocate_with(hardened_features{}, from, p, bytes, alignment);
    case shape::paranoid:
      return deallocate_with(paranoid_features{}, from, p, bytes, alignment);
    case shape::any:
      break;
  }
  return deallocate_with(has_, from, p, bytes, alignment);
}

template <class Features>
inline void* small_blocks::allocate_with(const Features& has, size_class& from, std::size_t bytes,
                                         std::size_t alignment) {
  const patterns around(has, context_.keys);
  for (;;) {
    slab* const of = from.current;
    if (!ALLOT_LIKELY(of != nullptr)) {
      from.current = next_slab(from);
      if (from.current == nullptr) return nullptr;
      if (has.random) from.next_start = random_.below(from.places);
      continue;
    }
    const std::uint32_t place = choose(has, from, *of);
    if (of->free_places == from.places) --from.empty;
    clear_bit(of->free_bits(), place);
    if (--of->free_places == 0) from.current = nullptr;
    std::byte* const begin = of->memory + std::size_t{place} * from.stride;
    record& about = of->places()[place];
    if (has.tool) open_for_us(from, begin);
    // A place that was written to stays out of use.
    if (has.verify && !ALLOT_LIKELY(was_left_alone(has, from, begin, about))) continue;

    const record number = ((about >> records::number_shift) + 1) & records::number_mask;
    about = around.tagged(begin,
                          records::identity(bytes, log2_of(alignment), state::live) | number << records::number_shift);
    if (has.canaries) around.write(begin, bytes, from.stride, about);
    context_.count_in(bytes);
    if (has.tool) close_for_others(from, begin, bytes);
    if (has.random) choose_ahead(from);
    return begin;
  }
}

/// Draws where the next place is looked for, and has the processor fetch the one that will be found as things are.
inline void small_blocks::choose_ahead(size_class& from) noexcept {
  from.next_start = random_.below(from.places);
  const slab* const of = from.current;
  if (!ALLOT_LIKELY(of != nullptr)) return;
  const std::uint32_t word = from.next_start / 64;
  const std::uint64_t from_start = of->free_bits()[word] & ~std::uint64_t{0} << from.next_start % 64;
  if (!ALLOT_LIKELY(from_start != 0)) return;
  const std::size_t place = std::size_t{word} * 64 + lowest_bit(from_start);
  const std::byte* const begin = of->memory + place * from.stride;
  ALLOT_PREFETCH(of->places() + place);
  ALLOT_PREFETCH(begin);
  if (from.stride > 128) {
    ALLOT_PREFETCH(begin + 64);
    ALLOT_PREFETCH(begin + 128);
  }
  ALLOT_PREFETCH(begin + from.stride - 8);
}

/// A free place of a slab that has one.
template <class Features>
inline std::uint32_t small_blocks::choose(const Features& has, const size_class& from, slab& of) noexcept {
  const std::uint64_t* const free = of.free_bits();
  std::uint32_t word = 0;
  if (has.random) {
    const std::uint32_t start = from.next_start;
    word = start / 64;
    const std::uint64_t from_start = free[word] & ~std::uint64_t{0} << start % 64;
    if (ALLOT_LIKELY(from_start != 0)) return word * 64 + static_cast<std::uint32_t>(lowest_bit(from_start));
    if (free[word] == 0) do
        word = word + 1 == of.words ? 0 : word + 1;
      while (free[word] == 0);
  } else {
    while (free[word] == 0) ++word;
  }
  return word * 64 + static_cast<std::uint32_t>(lowest_bit(free[word]));
}

/// Whether a free place still is as it was left. What was found is noted.
template <class Features>
inline bool small_blocks::was_left_alone(const Features& has, const size_class& of, const std::byte* begin,
                                         record about) {
  const patterns around(has, context_.keys);
  if (!ALLOT_LIKELY(around.tag_holds(begin, about))) {
    context_.find(misuse_kind::damaged_records, begin, 0);
    return false;
  }
  std::size_t length = of.stride - has.behind;
  bool alone = true;
  if (!has.strong && !ALLOT_LIKELY(length <= verified_whole)) {
    const std::size_t rest = length - verified_whole;
    const std::size_t part = std::min(rest, verified_part);
    const auto choices = static_cast<std::uint32_t>((rest - part) / 8 + 1);
    alone = is_zero(begin + verified_whole + random_.below(choices) * std::size_t{8}, part);
    length = verified_whole;
  }
  alone = alone && is_zero(begin, length) && (!has.canaries || around.fence_intact(begin, of.stride, about));
  if (!ALLOT_LIKELY(alone)) context_.find(misuse_kind::write_after_free, begin, records::bytes(about));
  return alone;
}

template <class Features>
inline bool small_blocks::deallocate_with(const Features& has, size_class& from, void* p, std::size_t bytes,
                                          std::size_t alignment) {
  const patterns around(has, context_.keys);
  if (has.canaries) {
    // The canaries on both sides, should this be a block.
    ALLOT_PREFETCH(reinterpret_cast<const void*>(address_of(p) - has.behind));
    ALLOT_PREFETCH(reinterpret_cast<const void*>(address_of(p) + bytes));
  }
  spot at;
  region* const in = from.newest;
  if (!ALLOT_LIKELY(in != nullptr && find_in(from, in, p, at))) {
    at = find(from, p);
    if (!at) return false;
  }
  record& about = at.of->places()[at.place];
  const record expected = records::identity(bytes, log2_of(alignment), state::live);
  if (!ALLOT_LIKELY(at.begin == p && (about & records::identity_mask) == expected)) return false;
  if (!ALLOT_LIKELY(around.tag_holds(at.begin, about))) return false;

  if (has.tool) open_for_us(from, at.begin);
  if (has.canaries) {
    if (!ALLOT_LIKELY(around.intact(at.begin, bytes, from.stride, about))) {
      context_.find(misuse_kind::overrun, p, bytes);
      around.write_fence(at.begin + from.stride, around.canary(at.begin, about));
    }
    look_before(has, from, at, bytes);
  }
  if (has.zero) wipe(at.begin, from.stride - has.behind);
  about =
      around.tagged(at.begin, about + (records::identity(0, 0, state::freed) - records::identity(0, 0, state::live)));
  context_.count_out(bytes);
  if (has.tool) close_for_others(from, at.begin, 0);

  if (from.freed.entries() == 0) {
    put_back(from, *at.of, at.place);
    return true;
  }
  const place_id out = from.freed.push(make_place_id(at.of->number, at.place), random_);
  if (ALLOT_LIKELY(from.freed.next_out() != no_place)) ALLOT_PREFETCH(from.slabs[slab_of(from.freed.next_out())]);
  if (ALLOT_LIKELY(out != no_place)) put_back(from, *from.slabs[slab_of(out)], place_in_slab(out));
  return true;
}

/// Makes a place free again.
inline void small_blocks::put_back(size_class& into, slab& of, std::uint32_t place) noexcept {
  set_bit(of.free_bits(), place);
  ++of.free_places;
  if (!ALLOT_LIKELY(of.free_places != into.worth_listing && of.free_places != into.places)) note_room(into, of);
}

/// A slab has enough free places to be used again, or no other places.
void small_blocks::note_room(size_class& into, slab& of) noexcept {
  constexpr std::size_t kept = 4;
  if (of.free_places == into.worth_listing && &of != into.current) list(into, of);
  if (of.free_places == into.places && ++into.empty > kept && &of != into.current) give_back_slab(into, of);
}

/// Places that come back all at once.
void small_blocks::empty_quarantine(size_class& of) noexcept {
  of.freed.drain([&](place_id each) { put_back(of, *of.slabs[slab_of(each)], place_in_slab(each)); });
}

bool small_blocks::try_expand(size_class& of, void* p, std::size_t old_bytes, std::size_t new_bytes,
                              std::size_t alignment) {
  if (of.inaccessible || class_for(new_bytes, alignment) != &of) return false;
  const spot at = find(of, p);
  if (!at || at.begin != p) return false;
  const patterns around(has_, context_.keys);
  record& about = at.of->places()[at.place];
  const record expected = records::identity(old_bytes, log2_of(alignment), state::live);
  if ((about & records::identity_mask) != expected || !around.tag_holds(at.begin, about)) return false;
  if (has_.tool) open_for_us(of, at.begin);
  const bool intact = !has_.canaries || around.intact(at.begin, old_bytes, of.stride, about);
  if (intact) {
    // What comes in held a pattern, and what goes out the program's data: neither is for others' eyes.
    const std::size_t kept = std::min(old_bytes, new_bytes);
    std::memset(at.begin + kept, 0, of.stride - behind_ - kept);
    about = around.tagged(at.begin, records::identity(new_bytes, log2_of(alignment), state::live) |
                                        records::number(about) << records::number_shift);
    if (has_.canaries) around.write(at.begin, new_bytes, of.stride, about);
    context_.count_out(old_bytes);
    context_.count_in(new_bytes);
  } else {
    context_.find(misuse_kind::overrun, p, old_bytes);
  }
  if (has_.tool) close_for_others(of, at.begin, intact ? new_bytes : old_bytes);
  return intact;
}

/// Looks at the canary of the place before a block, which whoever wrote before the block's start has written over.
template <class Features>
inline void small_blocks::look_before(const Features& has, const size_class& of, const spot& at, std::size_t bytes) {
  if (!ALLOT_LIKELY(at.place != 0)) return look_before_slab(of, at, bytes);
  const std::byte* const before = at.begin - of.stride;
  const record about = at.of->places()[at.place - 1];
  if (has.tool) open_for_us(of, before);
  if (!ALLOT_LIKELY(patterns(has, context_.keys).fence_intact(before, of.stride, about))) note_underrun(of, at, bytes);
  if (has.tool) close_for_others(of, before, records::state_of(about) == state::live ? records::bytes(about) : 0);
}

void small_blocks::look_before_slab(const size_class& of, const spot& at, std::size_t bytes) {
  const auto index = static_cast<std::size_t>(at.begin - at.in->base) >> of.slab_shift;
  const slab* const before = at.in->slabs[index - 1];
  if (before == nullptr || !before->accessible) return;
  std::byte* const tail = tail_of(of, *before);
  const std::uint64_t canary = context_.keys.canary(tail, 0, has_.strong);
  if (has_.tool) memory_tools::unpoison(tail, sizeof canary);
  if (load_word(tail) != canary) {
    context_.find(misuse_kind::underrun, at.begin, bytes);
    store_word(tail, canary);
  }
  if (has_.tool) memory_tools::poison(tail, sizeof canary);
}

/// The fence of the place before is damaged: says so once, and mends it.
ALLOT_NEVER_INLINE void small_blocks::note_underrun(const size_class& of, const spot& at, std::size_t bytes) {
  const std::byte* const before = at.begin - of.stride;
  const record about = at.of->places()[at.place - 1];
  const bool first = !context_.found;
  context_.find(misuse_kind::underrun, at.begin, bytes);
  if (first && records::state_of(about) == state::live)
    context_.found->details.append("  or a block of ")
        .append_decimal(records::bytes(about))
        .append(" bytes at ")
        .append_hex(address_of(before))
        .append(" was written behind its end\n");
  const patterns around(has_, context_.keys);
  around.write_fence(at.begin, about != 0 ? around.canary(before, about) : 0);
}

void small_blocks::open_for_us(const size_class& of, const std::byte* begin) const noexcept {
  if (!of.inaccessible) memory_tools::unpoison(begin, of.stride);
}

void small_blocks::close_for_others(const size_class& of, const std::byte* begin,
                                    std::size_t handed_out) const noexcept {
  if (of.inaccessible) return;
  memory_tools::poison(begin, of.stride);
  if (handed_out != 0) memory_tools::unpoison(begin, handed_out);
}

}  // namespace allot::secure
