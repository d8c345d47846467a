// Where slabs come from and go to.

#include <algorithm>
#include <allot/block/guarded_pages.hpp>
#include <allot/core/bits.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/memory_limits.hpp>
#include <atomic>
#include <cstring>

#include "retired.hpp"
#include "small_blocks.hpp"

namespace allot::secure {
namespace {

constexpr std::size_t slabs_at_once = 8;  // committed together
constexpr std::size_t entries_of_a_gap = 2;

/// At least 32 places to choose from where that takes no more than 128 KiB, and whole pages.
unsigned slab_shift_for(std::size_t stride) noexcept {
  constexpr unsigned least = 14;
  constexpr unsigned most = 17;
  constexpr std::size_t places = 32;
  unsigned shift = std::max(least, log2_of(os::facts().page_size));
  while (shift < most && (std::size_t{1} << shift) / stride < places - 1) ++shift;
  return shift;
}

}  // namespace

small_blocks::small_blocks(secure_context& context) noexcept
    : context_(context),
      random_(context.random),
      has_{*context.options.canary_bytes != 0,
           *context.options.random_places,
           *context.options.zero_on_free,
           *context.options.verify_on_allocate,
           context.strong,
           context.tool,
           *context.options.canary_bytes},
      behind_(has_.behind),
      largest_(context.options.level == secure_level::trap ? 0 : largest_place - behind_),
      advice_(os::facts().guard_advice && *context.options.lock == wish::none) {
  for (std::size_t i = 0; i < size_classes::count; ++i)
    set_up(classes_[i], size_classes::block_bytes(i), behind_, false);
  set_up(classes_[size_classes::count], size_classes::smallest, 0, true);
  set_up(classes_[size_classes::count + 1], largest_alignment, 0, true);
  for (std::size_t i = 0; i < class_of_eighths_.size(); ++i)
    class_of_eighths_[i] = static_cast<std::uint8_t>(size_classes::index_of(i * 8));
}

small_blocks::~small_blocks() {
  for_each_region([this](std::byte* base, std::size_t bytes, std::size_t opened, bool) {
    if (context_.tool) memory_tools::unpoison(base, opened);
    retired::keep(context_.owner, base, bytes, opened);
  });
  guard_budget::give_back(budget_taken_);
}

void small_blocks::set_up(size_class& one, std::size_t stride, std::size_t behind, bool inaccessible) noexcept {
  one.stride = static_cast<std::uint32_t>(stride);
  one.reciprocal = static_cast<std::uint32_t>((std::uint64_t{1} << 32) / stride + 1);
  one.slab_shift = slab_shift_for(stride);
  // The last word of a slab is the canary before the next slab's first place.
  const std::size_t tail = behind != 0 ? sizeof(std::uint64_t) : 0;
  one.places = static_cast<std::uint32_t>(((std::size_t{1} << one.slab_shift) - tail) / stride);
  // With more free places to choose from there is less to guess from.
  if (has_.random) one.worth_listing = std::max(1U, one.places / 8);
  one.behind = static_cast<std::uint32_t>(behind);
  one.inaccessible = inaccessible;
  const bool full = has_.random && has_.zero && has_.verify;
  const bool none = !has_.random && !has_.zero && !has_.verify;
  if (inaccessible || (none && behind == 0 && !context_.strong && !context_.tool))
    one.as = shape::bare;
  else if (full && behind == 8 && !context_.strong && !context_.tool)
    one.as = shape::hardened;
  else if (full && behind == 32 && context_.strong && !context_.tool)
    one.as = shape::paranoid;
}

std::byte* small_blocks::tail_of(const size_class& of, const slab& one) const noexcept {
  return one.memory + (std::size_t{1} << of.slab_shift) - sizeof(std::uint64_t);
}

slab* small_blocks::next_slab(size_class& from) noexcept {
  if (from.partial == nullptr) {
    slab* const more = from.returned != nullptr ? revive_slab(from) : open_slab(from);
    return more != nullptr ? more : any_with_room(from);
  }
  slab* chosen = from.partial;
  if (context_.strong) {
    constexpr std::uint32_t choice = 8;
    for (std::uint32_t steps = context_.random.below(choice); steps != 0 && chosen->next != nullptr; --steps)
      chosen = chosen->next;
  }
  unlist(from, *chosen);
  return chosen;
}

/// A slab with free places that were too few to be listed.
slab* small_blocks::any_with_room(size_class& in) const noexcept {
  for (const region* at = in.newest; at != nullptr; at = at->older)
    for (std::size_t i = 0; i < at->next; ++i)
      if (slab* const one = at->slabs[i];
          one != nullptr && one->free_places != 0 && one->free_places < in.worth_listing)
        return one;
  return nullptr;
}

void small_blocks::list(size_class& in, slab& one) noexcept {
  one.listed = true;
  one.previous = nullptr;
  one.next = in.partial;
  if (in.partial != nullptr) in.partial->previous = &one;
  in.partial = &one;
}

void small_blocks::unlist(size_class& in, slab& one) noexcept {
  one.listed = false;
  if (one.next != nullptr) one.next->previous = one.previous;
  (one.previous != nullptr ? one.previous->next : in.partial) = one.next;
  one.previous = one.next = nullptr;
}

/// Has the quarantine's memory ready, so that no deallocate ever needs any.
bool small_blocks::make_ready(size_class& one) noexcept {
  const std::size_t wanted = *context_.options.quarantine;
  if (wanted != 0) {
    const std::size_t entries = std::clamp(wanted / one.stride, std::size_t{1}, quarantine::most_entries);
    void* const memory = context_.records.take(quarantine::bytes_for(entries), context_.outcome);
    if (memory == nullptr) return false;
    one.freed.adopt(memory, entries);
  }
  return one.ready = true;
}

/// Twice as many slabs can be told by their numbers. The smaller table stays behind.
bool small_blocks::make_room_for_slab(size_class& one) noexcept {
  constexpr std::uint32_t first = 63;
  const std::uint32_t room = one.slabs_room == 0 ? first : 2 * one.slabs_room + 1;
  void* const memory = context_.records.take((std::size_t{room} + 1) * sizeof(slab*), context_.outcome);
  if (memory == nullptr) return false;
  auto** const slabs = static_cast<slab**>(memory);
  for (std::uint32_t i = 1; i <= one.slabs_made; ++i) slabs[i] = one.slabs[i];
  one.slabs = slabs;
  one.slabs_room = room;
  return true;
}

slab* small_blocks::open_slab(size_class& from) noexcept {
  const metadata::mark before = context_.records.now();
  region* const region_before = from.newest;
  const bool ready_before = from.ready;
  slab** const slabs_before = from.slabs;
  const std::uint32_t room_before = from.slabs_room;
  slab* const opened = try_open_slab(from);
  if (opened != nullptr) return opened;
  if (from.newest != region_before) {
    region& fresh = *from.newest;
    from.newest = fresh.older;
    context_.disclaim(fresh.base, fresh.bytes);
    give_back_pages(fresh.base, fresh.bytes);
  }
  from.slabs = slabs_before;
  from.slabs_room = room_before;
  if (!ready_before) {
    from.ready = false;
    from.freed = {};
  }
  context_.records.rewind(before);
  return nullptr;
}

/// On failure, what was made on the way stays.
slab* small_blocks::try_open_slab(size_class& from) noexcept {
  if (!from.ready && !make_ready(from)) return nullptr;
  if (from.slabs_made == from.slabs_room && !make_room_for_slab(from)) return nullptr;
  const std::size_t words = words_for(from.places);
  void* const made =
      context_.records.take(sizeof(slab) + (words + from.places) * sizeof(std::uint64_t), context_.outcome);
  if (made == nullptr) return nullptr;
  const std::size_t period = *context_.options.guard_interval + 1;
  for (;;) {
    region* const in = from.newest;
    if (in == nullptr || (in->next == in->opened && in->opened + 1 >= in->positions)) {
      if (!open_region(from)) return nullptr;
    } else if (in->next == in->opened) {
      if (!open_positions(from, *in)) return nullptr;
    } else if (in->next == 0 || (period != 1 && in->next % period == 0)) {
      ++in->next;
    } else {
      break;
    }
  }
  region& in = *from.newest;
  slab& opened = *::new (made) slab{in.base + (in.next << from.slab_shift),
                                    from.places,
                                    static_cast<std::uint32_t>(words),
                                    ++from.slabs_made,
                                    true,
                                    false,
                                    nullptr,
                                    nullptr};
  from.slabs[opened.number] = &opened;
  fill_bits(opened.free_bits(), from.places);
  in.slabs[in.next++] = &opened;
  start_use(from, opened);
  return &opened;
}

/// Counts in a slab that can be used from now on.
void small_blocks::start_use(size_class& of, slab& one) noexcept {
  const std::size_t bytes = std::size_t{1} << of.slab_shift;
  ++of.empty;
  if (of.inaccessible) return;
  context_.committed += bytes;
  one.accessible = true;
  write_tail(of, one);
  if (context_.tool) memory_tools::poison(one.memory, bytes);
}

void small_blocks::write_tail(const size_class& of, slab& one) noexcept {
  if (!has_.canaries) return;
  std::byte* const tail = tail_of(of, one);
  if (context_.tool) memory_tools::unpoison(tail, sizeof(std::uint64_t));
  store_word(tail, context_.keys.canary(tail, 0, context_.strong));
}

slab* small_blocks::revive_slab(size_class& from) noexcept {
  slab& one = *from.returned;
  const std::size_t bytes = std::size_t{1} << from.slab_shift;
  if (!from.inaccessible && !one.accessible) {
    context_.outcome = os::unguard(one.memory, bytes, os::access::read_write);
    if (!context_.outcome) return nullptr;
    if (!advice_) {
      // The pages are new ones, of which the system knows no wishes yet.
      context_.outcome = apply_wishes(one.memory, bytes, context_.options, context_.granted);
      if (context_.outcome && *context_.options.lock != wish::none) context_.outcome = lock(one.memory, bytes);
      if (!context_.outcome) {
        (void)os::guard(one.memory, bytes);
        return nullptr;
      }
      guard_budget::give_back(entries_of_a_gap);
      budget_taken_ -= entries_of_a_gap;
    }
  }
  from.returned = one.next;
  one.next = nullptr;
  start_use(from, one);
  return &one;
}

/// Gives the memory of a slab without blocks back to the system; its addresses fault where that can be had.
void small_blocks::give_back_slab(size_class& of, slab& one) noexcept {
  const std::size_t bytes = std::size_t{1} << of.slab_shift;
  if (one.listed) unlist(of, one);
  --of.empty;
  if (!of.inaccessible) {
    context_.committed -= bytes;
    if (context_.tool) memory_tools::unpoison(one.memory, bytes);
    const bool gap = advice_ || guard_budget::take(entries_of_a_gap);
    one.accessible = !gap || !os::guard(one.memory, bytes);
    if (one.accessible) {
      (void)os::zero_pages(one.memory, bytes, os::access::read_write);
      write_tail(of, one);
      if (context_.tool) memory_tools::poison(one.memory, bytes);
      if (gap && !advice_) guard_budget::give_back(entries_of_a_gap);
    } else {
      if (!advice_) budget_taken_ += entries_of_a_gap;
      if (*context_.options.lock != wish::none)
        context_.granted.locked_bytes -= std::min(context_.granted.locked_bytes, bytes);
    }
  }
  std::memset(static_cast<void*>(one.places()), 0, of.places * sizeof(record));
  one.next = of.returned;
  of.returned = &one;
}

bool small_blocks::open_region(size_class& of) noexcept {
  const std::size_t slab_bytes = std::size_t{1} << of.slab_shift;
  constexpr std::size_t fewest = 8;  // slabs in a region
  const std::size_t most = std::size_t{1} << *context_.options.region_bits;
  std::size_t bytes = of.newest == nullptr ? context_.most_region_bytes : std::min(of.newest->bytes * 2, most);
  bytes = std::max(bytes, fewest * slab_bytes);

  bool scattered = false;
  os::mapping made = context_.places.reserve(bytes, scattered);
  while (!made && bytes > fewest * slab_bytes) {
    bytes = std::max(bytes / 8, fewest * slab_bytes);
    made = context_.places.reserve(bytes, scattered);
  }
  context_.outcome = made.outcome;
  if (!made) return false;
  auto* const base = static_cast<std::byte*>(made.address);
  const std::size_t positions = bytes >> of.slab_shift;
  context_.outcome = context_.claim(base, bytes);
  if (!context_.outcome) {
    give_back_pages(base, bytes);
    return false;
  }
  void* const place = context_.records.take(sizeof(region), context_.outcome);
  void* const table = place != nullptr ? context_.records.take(positions * sizeof(slab*), context_.outcome) : nullptr;
  if (table == nullptr) {
    context_.disclaim(base, bytes);
    give_back_pages(base, bytes);
    return false;
  }
  of.newest = ::new (place) region{base, bytes, positions, 0, 0, scattered, static_cast<slab**>(table), of.newest};
  return true;
}

/// Makes the next few positions of a region slabs and guards; a smaller number where the system refuses so many.
bool small_blocks::open_positions(size_class& of, region& in) noexcept {
  const std::size_t interval = *context_.options.guard_interval;
  const std::size_t period = interval + 1;
  std::size_t count = interval == 0 ? slabs_at_once : std::max<std::size_t>(1, slabs_at_once / interval) * period;
  if (interval == 0 && in.opened == 0) ++count;
  count = std::min(count, in.positions - 1 - in.opened);
  if (of.inaccessible || commit_slabs(in, of, in.opened, count, true)) {
    in.opened += count;
    return true;
  }
  const bool at_guard = in.opened == 0 || (interval != 0 && in.opened % period == 0);
  const std::size_t least = std::min<std::size_t>(count, at_guard ? 2 : 1);
  // A refusal may be for want of map entries, which not all systems tell from want of memory.
  if (!commit_slabs(in, of, in.opened, least, true) && !commit_slabs(in, of, in.opened, least, false)) return false;
  in.opened += least;
  return true;
}

/// @param guards  false: leave those out that would take map entries
bool small_blocks::commit_slabs(region& in, const size_class& of, std::size_t first, std::size_t count,
                                bool guards) noexcept {
  const std::size_t period = *context_.options.guard_interval + 1;
  const auto address = [&](std::size_t position) { return in.base + (position << of.slab_shift); };
  const auto is_guard = [&](std::size_t position) { return position == 0 || (period != 1 && position % period == 0); };
  // With advice all is one mapping, guards included; without, each run of slabs is one, and a guard for which there are
  // no entries left is made part of the run.
  std::size_t from = first;
  std::size_t left_out = 0;
  std::size_t taken = 0;
  context_.outcome = {};
  const auto commit_up_to = [&](std::size_t end) {
    if (end > from) context_.outcome = os::commit(address(from), (end - from) << of.slab_shift);
  };
  for (std::size_t at = first; at < first + count && context_.outcome; ++at) {
    if (!is_guard(at)) continue;
    if (advice_) {
      if (!os::guard(address(at), std::size_t{1} << of.slab_shift)) ++left_out;
      continue;
    }
    commit_up_to(at);
    const bool affordable = at == 0 || (guards && guard_budget::take(entries_of_a_gap));
    if (affordable && at != 0) taken += entries_of_a_gap;
    if (!affordable) ++left_out;
    from = affordable ? at + 1 : at;
  }
  if (context_.outcome) commit_up_to(first + count);
  if (context_.outcome && *context_.options.lock != wish::none)
    for (std::size_t at = first; at < first + count && context_.outcome; ++at)
      if (!is_guard(at)) context_.outcome = lock(address(at), std::size_t{1} << of.slab_shift);
  if (!context_.outcome) {
    (void)os::protect(address(first), count << of.slab_shift, os::access::none);
    guard_budget::give_back(taken);
    return false;
  }
  budget_taken_ += taken;
  guards_left_out_ += left_out;
  return true;
}

os::status small_blocks::lock(std::byte* p, std::size_t bytes) noexcept {
  const os::status outcome = os::lock(p, bytes);
  if (outcome) context_.granted.locked_bytes += bytes;
  if (!outcome) ++context_.granted.lock_refusals;
  return *context_.options.lock == wish::require ? outcome : os::status{};
}

std::size_t small_blocks::trim() noexcept {
  const std::size_t before = context_.committed;
  for (size_class& each : classes_) {
    empty_quarantine(each);
    if (each.current != nullptr && each.current->free_places == each.places) {
      slab& last = *std::exchange(each.current, nullptr);
      give_back_slab(each, last);
    }
    for (slab* at = each.partial; at != nullptr;) {
      slab& one = *at;
      at = one.next;
      if (one.free_places == each.places) give_back_slab(each, one);
    }
  }
  return before - context_.committed;
}

}  // namespace allot::secure
