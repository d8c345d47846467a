#include "large_blocks.hpp"

#include <algorithm>
#include <allot/block/guarded_pages.hpp>
#include <allot/core/memory_tools.hpp>
#include <cstring>
#include <utility>

#include "retired.hpp"

namespace allot::secure {
namespace {

using entry = block_table::entry;

constexpr std::size_t pattern_bytes = 64;        // before a block, where not all is filled
constexpr std::size_t quarantine_factor = 1024;  // address space for large blocks, for each byte of the option
constexpr std::size_t one_way_factor = sizeof(void*) >= 8 ? 64 : 8;  // how much larger their regions are

std::byte* start_of(const entry& block) noexcept { return static_cast<std::byte*>(block.address); }

/// Blocks start in their first page.
std::byte* pages_of(const entry& block) noexcept {
  const std::size_t page = os::facts().page_size;
  return start_of(block) - address_of(block.address) % page;
}
std::byte* mapping_of(const entry& block) noexcept { return pages_of(block) - block.lead; }
std::size_t mapping_bytes(const entry& block) noexcept { return block.lead + block.mapped + block.tail; }

std::size_t end_slack(const entry& block) noexcept {
  return static_cast<std::size_t>(pages_of(block) + block.mapped - start_of(block)) - block.requested;
}

// Of a block's pages tools are told what lies beside it only: their books of a block itself take an eighth of it.
void poison_slack(const entry& block) noexcept {
  memory_tools::poison(pages_of(block), static_cast<std::size_t>(start_of(block) - pages_of(block)));
  memory_tools::poison(start_of(block) + block.requested, end_slack(block));
}
void unpoison_slack(const entry& block) noexcept {
  memory_tools::unpoison(pages_of(block), static_cast<std::size_t>(start_of(block) - pages_of(block)));
  memory_tools::unpoison(start_of(block) + block.requested, end_slack(block));
}

}  // namespace

large_blocks::large_blocks(secure_context& context) noexcept
    : context_(context),
      one_way_(context.options.level == secure_level::trap),
      advice_(os::facts().guard_advice && *context.options.lock == wish::none),
      most_waiting_(std::min(*context.options.quarantine, max_object_bytes / quarantine_factor) * quarantine_factor) {}

large_blocks::~large_blocks() {
  blocks_.for_each([this](const entry& block) {
    if (context_.tool && !block.freed) unpoison_slack(block);
    if (!one_way_) retired::keep(context_.owner, mapping_of(block), mapping_bytes(block), mapping_bytes(block));
  });
  for (const one_way_region* each = newest_; each != nullptr; each = each->older)
    retired::keep(context_.owner, each->base, each->bytes, each->next);
}

void* large_blocks::allocate(std::size_t bytes, std::size_t alignment) {
  const std::size_t page = os::facts().page_size;
  entry block;
  block.requested = bytes;
  block.alignment = alignment;
  context_.outcome = {memory_errc::size_overflow, 0};
  const std::size_t least = std::max<std::size_t>(bytes, 1);  // an empty block has its place in its pages, too
  if (!checked_align_up(least, page, block.mapped) || block.mapped > max_object_bytes / 2) return nullptr;

  std::byte* pages = take_spare(block.mapped, alignment);
  if (pages != nullptr) {
    entry& spare = *blocks_.find(pages);
    if (!revive(spare)) return nullptr;
    block.lead = spare.lead;
    block.tail = spare.tail;
    blocks_.erase(&spare);
    block.address = pages;
  } else {
    context_.outcome = blocks_.prepare_insert();
    if (!context_.outcome || !(one_way_ ? make_one_way(block) : make_mapping(block))) return nullptr;
  }
  block.address = start_of(block) + align_down(block.mapped - least, alignment);
  block.stamp = ++stamps_;
  write_patterns(block);
  blocks_.insert(block);
  ++live_;
  context_.count_in(bytes);
  if (context_.tool) poison_slack(block);
  return block.address;
}

/// A mapping that waits for such a request; its pages are its address in the table. Its entry stays.
std::byte* large_blocks::take_spare(std::size_t usable, std::size_t alignment) noexcept {
  for (std::size_t i = 0; i < spares_used_; ++i) {
    std::byte* const pages = spares_[i];
    if (blocks_.find(pages)->mapped != usable || !is_aligned(pages, alignment)) continue;
    spares_[i] = spares_[--spares_used_];
    return pages;
  }
  return nullptr;
}

/// Makes a spare accessible again; it is unmapped where the system does not let it be.
bool large_blocks::revive(entry& block) noexcept {
  context_.outcome = advice_ ? os::protect(mapping_of(block), mapping_bytes(block), os::access::read_write)
                             : os::commit(pages_of(block), block.mapped);
  if (context_.outcome && lock_pages(block)) {
    if (block.accessible) (void)os::zero_pages(pages_of(block), block.mapped, os::access::read_write);
    context_.committed += block.mapped;
    return true;
  }
  const os::status refusal = context_.outcome;
  unmap(block);
  context_.outcome = refusal;
  return false;
}

bool large_blocks::lock_pages(const entry& block) noexcept {
  if (*context_.options.lock == wish::none) return true;
  const os::status outcome = os::lock(pages_of(block), block.mapped);
  if (outcome) context_.granted.locked_bytes += block.mapped;
  if (!outcome) ++context_.granted.lock_refusals;
  if (outcome || *context_.options.lock != wish::require) return true;
  context_.outcome = outcome;
  return false;
}

bool large_blocks::make_mapping(entry& block) noexcept {
  const std::size_t page = os::facts().page_size;
  const auto guards = [&] {
    constexpr std::uint32_t most = 16;  // pages
    return context_.options.level == secure_level::checked ? page : (1 + context_.random.below(most)) * page;
  };
  block.lead = guards();
  block.tail = guards();
  const std::size_t total = mapping_bytes(block);
  bool scattered = false;
  const os::mapping made = context_.places.reserve(total, scattered, block.alignment, block.lead);
  context_.outcome = made.outcome;
  if (!made) return false;
  auto* const base = static_cast<std::byte*>(made.address);
  block.address = base + block.lead;
  context_.outcome = context_.claim(base, total, block.lead + block.tail);
  if (!context_.outcome) {
    give_back_pages(base, total);
    return false;
  }
  if (advice_) {
    // One mapping, guards included: then it becomes inaccessible and back without being split.
    context_.outcome = os::guard(base, block.lead);
    if (context_.outcome) context_.outcome = os::guard(start_of(block) + block.mapped, block.tail);
    if (context_.outcome) context_.outcome = os::commit(base, total);
  } else {
    context_.outcome = os::commit(start_of(block), block.mapped);
  }
  if (!context_.outcome || !lock_pages(block)) {
    context_.disclaim(base, total, block.lead + block.tail);
    give_back_pages(base, total);
    return false;
  }
  context_.committed += block.mapped;
  return true;
}

bool large_blocks::make_one_way(entry& block) noexcept {
  const std::size_t page = os::facts().page_size;
  constexpr std::uint32_t most_guards = 4;
  block.tail = (1 + context_.random.below(most_guards)) * page;
  std::size_t needed = 0;
  if (!checked_add(block.mapped + block.tail, std::max(block.alignment, page) + page, needed)) {
    context_.outcome = {memory_errc::size_overflow, 0};
    return false;
  }
  const one_way_region* const before = newest_;
  const metadata::mark records_before = context_.records.now();
  if ((newest_ == nullptr || needed > newest_->bytes - newest_->next) && !open_one_way_region(needed)) return false;
  if (place_one_way(block, *newest_)) return true;
  if (newest_ == before) return false;
  close_one_way_region();
  context_.records.rewind(records_before);
  return false;
}

bool large_blocks::place_one_way(entry& block, one_way_region& in) noexcept {
  const std::size_t page = os::facts().page_size;
  const std::size_t at = in.next + padding_for(address_of(in.base) + in.next, std::max(block.alignment, page));
  const std::size_t end = at + block.mapped + block.tail;
  block.address = in.base + at;
  const std::size_t start = std::exchange(in.next, end);  // whatever happens: guards may stay behind
  if (advice_) {
    // One mapping with the blocks before, guards included, but for gaps so wide that guards take longer.
    constexpr std::size_t widest_gap = 16;  // pages
    const std::size_t gap = at - start <= widest_gap * page ? at - start : 0;
    context_.outcome = os::guard(in.base + end - block.tail, block.tail);
    if (context_.outcome && gap != 0) context_.outcome = os::guard(in.base + start, gap);
    if (context_.outcome) context_.outcome = os::commit(in.base + at - gap, end - at + gap);
  } else {
    context_.outcome = os::commit(block.address, block.mapped);
  }
  if (!context_.outcome) return false;
  if (!lock_pages(block)) {
    (void)os::guard(block.address, block.mapped);
    return false;
  }
  context_.committed += block.mapped;
  return true;
}

bool large_blocks::open_one_way_region(std::size_t needed) noexcept {
  const std::size_t page = os::facts().page_size;
  std::size_t least = 0;
  std::size_t bytes = 0;
  context_.outcome = {memory_errc::size_overflow, 0};
  if (!checked_align_up(needed + page, page, least) || least > max_object_bytes) return false;
  if (!checked_multiply(context_.most_region_bytes, one_way_factor, bytes)) bytes = context_.most_region_bytes;
  bool scattered = false;
  os::mapping made;
  for (bytes = std::max(bytes, least);; bytes = std::max(least, align_down(bytes / 8, page))) {
    made = context_.places.reserve(bytes, scattered);
    if (made || bytes == least) break;
  }
  context_.outcome = made.outcome;
  if (!made) return false;
  auto* const base = static_cast<std::byte*>(made.address);
  context_.outcome = context_.claim(base, bytes);
  if (!context_.outcome) {
    give_back_pages(base, bytes);
    return false;
  }
  void* const place = context_.records.take(sizeof(one_way_region), context_.outcome);
  if (place == nullptr) {
    context_.disclaim(base, bytes);
    give_back_pages(base, bytes);
    return false;
  }
  newest_ = ::new (place) one_way_region{base, bytes, page, newest_};
  ++regions_;
  return true;
}

bool large_blocks::holds(const void* p, std::size_t bytes, std::size_t alignment) noexcept {
  const entry* const block = blocks_.find(p);
  return block != nullptr && !block->freed && block->requested == bytes && block->alignment == alignment;
}

block_extent large_blocks::live_block(const void* p) const noexcept {
  const entry* const block = blocks_.find(p);
  return block != nullptr && !block->freed ? block_extent{block->requested, block->alignment} : block_extent{};
}

/// The newest, which was opened in vain.
void large_blocks::close_one_way_region() noexcept {
  const one_way_region last = *newest_;
  newest_ = last.older;
  --regions_;
  context_.disclaim(last.base, last.bytes);
  give_back_pages(last.base, last.bytes);
}

bool large_blocks::deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  if (!holds(p, bytes, alignment)) return false;
  entry* const block = blocks_.find(p);
  (void)looks_damaged(*block);
  --live_;
  context_.count_out(bytes);
  retire(*block);
  return true;
}

/// Takes the contents and the access from a freed block.
void large_blocks::retire(entry& block) noexcept {
  std::byte* const pages = pages_of(block);
  if (context_.tool) unpoison_slack(block);
  context_.committed -= block.mapped;
  if (*context_.options.lock != wish::none)
    context_.granted.locked_bytes -= std::min(context_.granted.locked_bytes, block.mapped);
  if (one_way_) {
    if (!os::guard(pages, block.mapped)) (void)os::zero_pages(pages, block.mapped, os::access::read_write);
    return blocks_.erase(&block);
  }
  // Contents first: what is dropped need not be flushed from the processor's tables when the access goes.
  (void)os::zero_pages(pages, block.mapped, os::access::read_write);
  if (advice_) {
    block.accessible = !os::protect(mapping_of(block), mapping_bytes(block), os::access::none);
  } else {
    if (*context_.options.lock != wish::none) (void)os::unlock(pages, block.mapped);
    block.accessible = !os::protect(pages, block.mapped, os::access::none);
  }
  block.freed = true;
  waiting_bytes_ += mapping_bytes(block);
  std::byte* const pushed_out = std::exchange(shuffled_[context_.random.below(shuffled_count)], start_of(block));
  if (pushed_out != nullptr) enqueue(pushed_out);
  while (oldest_ != nullptr && (queued_ > queue_count || waiting_bytes_ > most_waiting_)) pop_oldest();
  if (waiting_bytes_ <= most_waiting_) return;
  // A block larger than the whole quarantine.
  for (std::byte*& each : shuffled_)
    if (each != nullptr) enqueue(std::exchange(each, nullptr));
  while (oldest_ != nullptr && waiting_bytes_ > most_waiting_) pop_oldest();
}

void large_blocks::enqueue(std::byte* address) noexcept {
  blocks_.find(address)->next = nullptr;
  if (youngest_ != nullptr) blocks_.find(youngest_)->next = address;
  if (youngest_ == nullptr) oldest_ = address;
  youngest_ = address;
  ++queued_;
}

/// From the end of the quarantine to the spares; what those have no room for is unmapped.
void large_blocks::pop_oldest() noexcept {
  entry block = *blocks_.find(oldest_);
  oldest_ = static_cast<std::byte*>(block.next);
  if (oldest_ == nullptr) youngest_ = nullptr;
  --queued_;
  waiting_bytes_ -= mapping_bytes(block);
  constexpr std::size_t largest_spare = std::size_t{4} << 20;
  if (spares_used_ == spare_count || block.mapped > largest_spare) return unmap(*blocks_.find(block.address));
  // From now on it is known by its first page, since another block may start elsewhere in it.
  blocks_.erase(blocks_.find(block.address));
  block.address = pages_of(block);
  block.requested = block.mapped;
  blocks_.insert(block);
  spares_[spares_used_++] = start_of(block);
}

void large_blocks::unmap(entry& block) noexcept {
  context_.disclaim(mapping_of(block), mapping_bytes(block), block.lead + block.tail);
  give_back_pages(mapping_of(block), mapping_bytes(block));
  blocks_.erase(&block);
}

std::size_t large_blocks::trim() noexcept {
  const std::size_t before = context_.reserved;
  for (std::byte*& each : shuffled_)
    if (each != nullptr) enqueue(std::exchange(each, nullptr));
  while (oldest_ != nullptr) {
    entry& block = *blocks_.find(oldest_);
    oldest_ = static_cast<std::byte*>(block.next);
    --queued_;
    waiting_bytes_ -= mapping_bytes(block);
    unmap(block);
  }
  youngest_ = nullptr;
  while (spares_used_ != 0) unmap(*blocks_.find(spares_[--spares_used_]));
  return before - context_.reserved;
}

/// Calls each(byte, expected, behind) for the bytes with a pattern: those behind the block to the end of its pages, and
/// those before it.
template <class Each>
void large_blocks::for_each_pattern_byte(const entry& block, Each each) const {
  if (*context_.options.canary_bytes == 0) return;
  unsigned char canary[sizeof(std::uint64_t)];
  store_word(canary, context_.keys.canary(block.address, block.stamp, context_.strong));
  const auto expected = [&](std::size_t i) { return static_cast<std::byte>(canary[i % sizeof canary]); };
  std::byte* const end = start_of(block) + block.requested;
  for (std::size_t i = 0, slack = end_slack(block); i < slack; ++i) each(end[i], expected(i), true);
  const auto before = static_cast<std::size_t>(start_of(block) - pages_of(block));
  // The byte next to the block is none that is zero.
  std::byte* at = start_of(block);
  for (std::size_t i = context_.strong ? before : std::min(before, pattern_bytes); i != 0; --i)
    each(*--at, expected(i | 1), false);
}

void large_blocks::write_patterns(const entry& block) noexcept {
  for_each_pattern_byte(block, [](std::byte& at, std::byte expected, bool) { at = expected; });
}

bool large_blocks::looks_damaged(const entry& block) {
  if (context_.tool) unpoison_slack(block);
  bool behind_intact = true;
  bool before_intact = true;
  for_each_pattern_byte(block, [&](const std::byte& at, std::byte expected, bool behind) {
    (behind ? behind_intact : before_intact) &= at == expected;
  });
  if (!behind_intact) context_.find(misuse_kind::overrun, block.address, block.requested);
  if (!before_intact) context_.find(misuse_kind::underrun, block.address, block.requested);
  if (context_.tool) poison_slack(block);
  return !behind_intact || !before_intact;
}

large_blocks::location large_blocks::locate(const void* p) const noexcept {
  location found;
  blocks_.for_each([&](const entry& block) {
    if (!range_contains(mapping_of(block), mapping_bytes(block), p, 1)) return;
    if (range_contains(block.address, std::max<std::size_t>(block.requested, 1), p, 1))
      found = {location::what::block, block.address, block.requested, block.alignment, block.freed};
    else
      found = {location::what::guard, block.address, block.requested, block.alignment, block.freed};
  });
  if (found.is != location::what::outside) return found;
  for (const one_way_region* each = newest_; each != nullptr; each = each->older) {
    if (range_contains(each->base, each->next, p, 1))
      found.is = location::what::gone;
    else if (range_contains(each->base, each->bytes, p, 1))
      found.is = location::what::guard;
  }
  return found;
}

bool large_blocks::check() {
  bool sound = true;
  std::size_t live = 0;
  blocks_.for_each([&](const entry& block) {
    if (block.freed) return;
    ++live;
    sound = sound && !looks_damaged(block);
  });
  return sound && live == live_;
}

void large_blocks::for_each_block(block_visitor visitor) const {
  blocks_.for_each([&](const entry& block) {
    visitor({block.address, block.requested, true, block.freed ? block_state::free : block_state::used});
  });
}

}  // namespace allot::secure
