#include "small_blocks.hpp"

#include <algorithm>
#include <allot/core/bits.hpp>
#include <allot/core/memory_tools.hpp>
#include <cstring>

namespace allot {
namespace {

using records::state;

/// Overwrites with zero in a way the compiler must keep. `bytes` is a multiple of 8.
inline void zero(std::byte* p, std::size_t bytes) noexcept {
  constexpr std::size_t worth_a_call = 256;
  std::byte* const end = p + bytes;
  if (bytes > worth_a_call) {
    std::memset(p, 0, bytes);
  } else {
    std::byte* at = p;
    for (; end - at >= 32; at += 32) std::memset(at, 0, 32);
    for (; at != end; at += 8) store_word(at, 0);
  }
  ALLOT_ASSUME_READ(p);
}

/// Whether bytes, a multiple of 8, are all zero.
inline bool is_zero(const std::byte* p, std::size_t bytes) noexcept {
  const std::byte* const end = p + bytes;
  std::uint64_t any = 0;
  for (; end - p >= 32; p += 32) any |= (load_word(p) | load_word(p + 8)) | (load_word(p + 16) | load_word(p + 24));
  for (; p != end; p += 8) any |= load_word(p);
  return any == 0;
}

constexpr std::size_t verified_whole = 1024;  // bytes of a block up to which all are verified at level hardened
constexpr std::size_t verified_part = 256;    // and of what lies behind that

}  // namespace

/// A free place of a slab that has one.
inline std::uint32_t small_blocks::choose(const size_class& from, slab& of) noexcept {
  std::uint64_t* const free = of.free_bits();
  std::uint32_t word = 0;
  if (random_) {
    const std::uint32_t start = context_.random.below(from.places);
    word = start / 64;
    const std::uint64_t behind_start = free[word] & ~std::uint64_t{0} << start % 64;
    if (behind_start != 0) return word * 64 + static_cast<std::uint32_t>(lowest_bit(behind_start));
    if (free[word] == 0) do
        word = word + 1 == of.words ? 0 : word + 1;
      while (free[word] == 0);
  } else {
    while (free[word] == 0) ++word;
  }
  return word * 64 + static_cast<std::uint32_t>(lowest_bit(free[word]));
}

void* small_blocks::allocate(size_class& from, std::size_t bytes, std::size_t alignment) {
  for (;;) {
    slab* const of = from.current;
    if (!ALLOT_LIKELY(of != nullptr)) {
      from.current = next_slab(from);
      if (from.current == nullptr) return nullptr;
      continue;
    }
    const std::uint32_t place = choose(from, *of);
    if (of->free_places == from.places) --from.empty;
    clear_bit(of->free_bits(), place);
    if (--of->free_places == 0) from.current = nullptr;
    std::byte* const begin = of->memory + std::size_t{place} * from.stride;
    // A place that was written to stays out of use.
    if (verify_ && !ALLOT_LIKELY(was_left_alone(from, *of, place, begin))) continue;

    record& about = of->places()[place];
    const record number = ((about >> records::number_shift) + 1) & records::number_mask;
    about = tagged(begin, records::identity(bytes, log2_of(alignment), state::live) | number << records::number_shift);
    if (canaries_ && !from.inaccessible) write_patterns(from, begin, bytes, about);
    context_.count_in(bytes);
    if (!ALLOT_LIKELY(!context_.tool)) close_for_others(from, begin, bytes);
    return begin;
  }
}

/// Whether a free place still is as it was left: zero, with the last block's canary at its end. What was found is
/// noted.
bool small_blocks::was_left_alone(const size_class& of, const slab& in, std::uint32_t place, std::byte* begin) {
  if (of.inaccessible) return true;
  if (!ALLOT_LIKELY(!context_.tool)) open_for_us(of, begin);
  const record about = in.places()[place];
  std::size_t length = of.stride - (about != 0 ? of.behind : 0);
  bool alone = tag_holds(begin, about) || about == 0;
  if (!alone) {
    context_.find(misuse_kind::damaged_records, begin, 0);
    return false;
  }
  if (length > verified_whole && !context_.tags) {
    const std::size_t rest = length - verified_whole;
    const std::size_t part = std::min(rest, verified_part);
    const std::size_t start =
        rest == part ? 0 : context_.random.below(static_cast<std::uint32_t>((rest - part) / 8)) * 8;
    alone = is_zero(begin + verified_whole + start, part);
    length = verified_whole;
  }
  alone = alone && is_zero(begin, length) && (about == 0 || !canaries_ || end_intact(of, begin, about));
  if (!alone) context_.find(misuse_kind::write_after_free, begin, records::bytes(about));
  return alone;
}

bool small_blocks::deallocate(size_class& from, void* p, std::size_t bytes, std::size_t alignment) {
  spot at;
  region* in = from.newest;
  if (!ALLOT_LIKELY(in != nullptr && find_in(from, in, p, at))) {
    at = find(from, p);
    if (!at) return false;
  }
  record& about = at.of->places()[at.place];
  if (at.begin != p || (about & records::identity_mask) != records::identity(bytes, log2_of(alignment), state::live))
    return false;
  if (context_.tags && !tag_holds(at.begin, about)) return false;

  if (!ALLOT_LIKELY(!context_.tool)) open_for_us(from, at.begin);
  if (canaries_ && !from.inaccessible) {
    if (!ALLOT_LIKELY(patterns_intact(from, at.begin, bytes, about))) {
      context_.find(misuse_kind::overrun, p, bytes);
      write_patterns(from, at.begin, bytes, about);
    }
    look_before(from, at, bytes);
  }
  if (zero_ && !from.inaccessible) wipe(from, at.begin);
  about = tagged(at.begin, (about & ~records::tag_mask) +
                               (records::identity(0, 0, state::freed) - records::identity(0, 0, state::live)));
  context_.count_out(bytes);
  if (!ALLOT_LIKELY(!context_.tool)) close_for_others(from, at.begin, 0);

  if (from.freed.entries() == 0) {
    put_back(from, at);
    return true;
  }
  ++quarantined_;
  quarantined_bytes_ += from.stride;
  if (std::byte* const out = from.freed.push(at.begin, context_.random); out != nullptr) {
    --quarantined_;
    quarantined_bytes_ -= from.stride;
    put_back(from, find(from, out));
  }
  return true;
}

/// Makes a place free again.
void small_blocks::put_back(size_class& into, const spot& at) noexcept {
  slab& of = *at.of;
  set_bit(of.free_bits(), at.place);
  if (!ALLOT_LIKELY(++of.free_places != 1) && &of != into.current) list(into, of);
  if (of.free_places == into.places) {
    constexpr std::size_t kept = 4;
    if (++into.empty > kept && &of != into.current) give_back_slab(into, of);
  }
}

bool small_blocks::try_expand(size_class& of, void* p, std::size_t old_bytes, std::size_t new_bytes,
                              std::size_t alignment) {
  if (of.inaccessible || class_for(new_bytes, alignment) != &of) return false;
  const spot at = find(of, p);
  if (!at || at.begin != p) return false;
  record& about = at.of->places()[at.place];
  if ((about & records::identity_mask) != records::identity(old_bytes, log2_of(alignment), state::live)) return false;
  if (context_.tags && !tag_holds(at.begin, about)) return false;
  if (context_.tool) open_for_us(of, at.begin);
  const bool intact = !canaries_ || patterns_intact(of, at.begin, old_bytes, about);
  if (intact) {
    // What comes in held a pattern, and what goes out the program's data: neither is for others' eyes.
    const std::size_t kept = std::min(old_bytes, new_bytes);
    std::memset(at.begin + kept, 0, of.stride - of.behind - kept);
    about = tagged(at.begin, records::identity(new_bytes, log2_of(alignment), state::live) |
                                 records::number(about) << records::number_shift);
    if (canaries_) write_patterns(of, at.begin, new_bytes, about);
    context_.count_out(old_bytes);
    context_.count_in(new_bytes);
  } else {
    context_.find(misuse_kind::overrun, p, old_bytes);
  }
  if (context_.tool) close_for_others(of, at.begin, intact ? new_bytes : old_bytes);
  return intact;
}

inline std::size_t small_blocks::filled_slack() const noexcept { return context_.tags ? largest_place : 64; }

/// Behind the block's end, up to as much slack as is filled, and in the last bytes of its place.
void small_blocks::write_patterns(const size_class& of, std::byte* begin, std::size_t bytes, record about) noexcept {
  const std::uint64_t canary = context_.keys.canary(begin, records::number(about));
  std::byte* const fence = begin + of.stride - of.behind;
  std::byte* at = begin + bytes;
  std::byte* const slack_end = std::min(fence, at + filled_slack());
  for (; at < slack_end; at += 8) store_word(at, canary);
  for (at = fence; at != begin + of.stride; at += 8) store_word(at, canary);
}

/// Looks at them in the order they are written, so that where two words overlap the later one counts.
bool small_blocks::patterns_intact(const size_class& of, const std::byte* begin, std::size_t bytes,
                                   record about) const noexcept {
  const std::uint64_t canary = context_.keys.canary(begin, records::number(about));
  const std::byte* const fence = begin + of.stride - of.behind;
  const std::byte* at = begin + bytes;
  const std::byte* const slack_end = std::min(fence, at + filled_slack());
  std::uint64_t differences = 0;
  for (; slack_end - at >= 8; at += 8) differences |= load_word(at) ^ canary;
  if (at < slack_end) {
    const auto left = static_cast<std::size_t>(fence - at);
    differences |= (load_word(at) ^ canary) & first_bytes(left);
  }
  for (at = fence; at != begin + of.stride; at += 8) differences |= load_word(at) ^ canary;
  return differences == 0;
}

/// Whether all of a free place is as it was left.
bool small_blocks::is_untouched(const size_class& of, const std::byte* begin, record about) const noexcept {
  return about == 0 ? is_zero(begin, of.stride) : is_zero(begin, of.stride - of.behind) && end_intact(of, begin, about);
}

inline bool small_blocks::end_intact(const size_class& of, const std::byte* begin, record about) const noexcept {
  const std::uint64_t canary = context_.keys.canary(begin, records::number(about));
  std::uint64_t differences = 0;
  for (const std::byte* at = begin + of.stride - of.behind; at != begin + of.stride; at += 8)
    differences |= load_word(at) ^ canary;
  return differences == 0;
}

/// Looks at the canary of the place before a block, which whoever wrote before the block's start has written over.
inline void small_blocks::look_before(const size_class& of, const spot& at, std::size_t bytes) {
  if (ALLOT_LIKELY(at.place != 0)) {
    std::byte* const before = at.begin - of.stride;
    const record about = at.of->places()[at.place - 1];
    if (!ALLOT_LIKELY(!context_.tool)) open_for_us(of, before);
    const bool intact = about != 0 ? end_intact(of, before, about) : is_zero(at.begin - of.behind, of.behind);
    if (!ALLOT_LIKELY(intact)) {
      context_.find(misuse_kind::underrun, at.begin, bytes);
      if (context_.found->kind == misuse_kind::underrun && records::state_of(about) == state::live)
        context_.found->details.append("  or a block of ")
            .append_decimal(records::bytes(about))
            .append(" bytes at ")
            .append_hex(address_of(before))
            .append(" was written behind its end\n");
      const std::uint64_t canary = about != 0 ? context_.keys.canary(before, records::number(about)) : 0;
      for (std::byte* p = at.begin - of.behind; p != at.begin; p += 8) store_word(p, canary);
    }
    if (!ALLOT_LIKELY(!context_.tool))
      close_for_others(of, before, records::state_of(about) == state::live ? records::bytes(about) : 0);
    return;
  }
  const auto position = static_cast<std::size_t>(at.begin - at.in->base) >> of.slab_shift;
  slab* const before = at.in->slabs[position - 1];
  if (before == nullptr || !before->accessible) return;
  std::byte* const tail = tail_of(of, *before);
  if (context_.tool) memory_tools::unpoison(tail, 8);
  const std::uint64_t canary = context_.keys.canary(tail, 0);
  if (load_word(tail) != canary) {
    context_.find(misuse_kind::underrun, at.begin, bytes);
    store_word(tail, canary);
  }
  if (context_.tool) memory_tools::poison(tail, 8);
}

inline void small_blocks::wipe(const size_class& of, std::byte* begin) const noexcept {
  zero(begin, of.stride - of.behind);
}

void small_blocks::open_for_us(const size_class& of, const std::byte* begin) const noexcept {
  memory_tools::unpoison(begin, of.stride);
}

void small_blocks::close_for_others(const size_class& of, const std::byte* begin,
                                    std::size_t handed_out) const noexcept {
  memory_tools::poison(begin, of.stride);
  if (handed_out != 0 && !of.inaccessible) memory_tools::unpoison(begin, handed_out);
}

}  // namespace allot
