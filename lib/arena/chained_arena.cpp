#include <algorithm>
#include <allot/arena/chained_arena.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/virtual_memory.hpp>
#include <array>
#include <new>
#include <utility>

namespace allot {

/// What every upstream is asked for; more is reached by padding inside the block.
static constexpr std::size_t natural_alignment = alignof(std::max_align_t);

/// The header at the start of every block.
struct chained_arena::block {
  block* next;
  std::size_t bytes;      // of the whole block, as it goes back
  std::size_t committed;  // of those, bytes that may be touched; `bytes` unless the block is virtual
  std::byte* top;         // end of what was handed out when the window left; first() when nothing was

  std::byte* start() noexcept { return reinterpret_cast<std::byte*>(this); }
  std::byte* first() noexcept { return start() + sizeof(block); }
  std::byte* committed_end() noexcept { return start() + committed; }
  const std::byte* start() const noexcept { return reinterpret_cast<const std::byte*>(this); }
  const std::byte* first() const noexcept { return start() + sizeof(block); }
};

/// A request as the slow path sees it. `gap` is the redzone before the first and behind every block of upstream memory.
struct chained_arena::request {
  std::size_t bytes;
  std::size_t alignment;
  std::size_t gap = 0;

  request with_redzone() const noexcept {
    return {bytes, std::max(alignment, memory_tools::granule), memory_tools::redzone};
  }

  /// Bytes a new block needs to be sure to hold this; false when there is no such number.
  bool block_bytes(std::size_t& total) const noexcept {
    const std::size_t padding = alignment > natural_alignment ? alignment - natural_alignment : 0;
    std::size_t needed = 0;
    if (!checked_add(bytes, sizeof(block) + 2 * gap, needed) || !checked_add(needed, padding, needed)) return false;
    if (needed > max_object_bytes) return false;
    total = needed;
    return true;
  }
};

namespace {

constexpr std::size_t smallest_block = 128;

constexpr std::size_t first_commit = std::size_t{64} << 10;
constexpr std::size_t small_step = std::size_t{256} << 10;
constexpr std::size_t huge_step = std::size_t{2} << 20;
constexpr std::size_t largest_huge_step = std::size_t{64} << 20;

/// How far to commit a block of `bytes` that has `committed` and needs `needed`. From 64 KiB it doubles to one step;
/// then it grows by steps of 256 KiB, or, where huge pages are wanted, by half in multiples of 2 MiB: huge pages come
/// only to ranges that are committed whole.
std::size_t commit_target(std::size_t committed, std::size_t needed, std::size_t bytes, bool huge_pages) noexcept {
  const std::size_t step = huge_pages ? huge_step : small_step;
  std::size_t target = first_commit;
  if (committed >= step) {
    target = committed + (huge_pages ? std::clamp(committed / 2, huge_step, largest_huge_step) : small_step);
  } else if (committed != 0) {
    target = committed * 2;
  }
  target = std::max(target, needed);
  if (target > step) target = align_up(target, step);
  return std::min(align_up(target, os::facts().page_size), bytes);
}

chained_arena_options normalized(chained_arena_options options) noexcept {
  if (options.upstream == nullptr) options.upstream = std::pmr::get_default_resource();
  options.first_block = std::max(options.first_block, smallest_block);
  options.largest_block = std::max(options.largest_block, options.first_block);
  options.growth_percent = std::max(options.growth_percent, 100U);
  options.name = {};  // the base holds a copy; the caller's text may go
  return options;
}

chained_arena_options with_upstream(std::pmr::memory_resource* upstream) noexcept {
  chained_arena_options options;
  options.upstream = upstream;
  return options;
}

/// The first block has at least `initial_size` bytes for the caller, beside its header.
chained_arena_options with_initial_size(std::size_t initial_size, std::pmr::memory_resource* upstream,
                                        std::size_t header) noexcept {
  chained_arena_options options = with_upstream(upstream);
  if (!checked_align_up(initial_size, natural_alignment, options.first_block) ||
      !checked_add(options.first_block, header, options.first_block))
    options.first_block = max_object_bytes;
  return options;
}

std::size_t grown(std::size_t bytes, unsigned percent, std::size_t cap) noexcept {
  std::size_t scaled = 0;
  if (!checked_multiply(bytes, percent, scaled)) return cap;
  return std::min(scaled / 100, cap);
}

/// Lists of blocks sorted by size, largest first. Merge sort from the bottom up; needs no memory.
template <class Block>
Block* merge(Block* a, Block* b) noexcept {
  Block* merged = nullptr;
  Block** tail = &merged;
  while (a != nullptr && b != nullptr) {
    Block*& larger = a->bytes >= b->bytes ? a : b;
    *tail = larger;
    tail = &larger->next;
    larger = larger->next;
  }
  *tail = a != nullptr ? a : b;
  return merged;
}

template <class Block>
Block* sort_by_size(Block* list) noexcept {
  std::array<Block*, 48> runs{};  // runs[i] is empty or holds 2^i blocks
  while (list != nullptr) {
    Block* run = std::exchange(list, list->next);
    run->next = nullptr;
    std::size_t i = 0;
    for (; i + 1 < runs.size() && runs[i] != nullptr; ++i) run = merge(std::exchange(runs[i], nullptr), run);
    runs[i] = merge(runs[i], run);
  }
  Block* sorted = nullptr;
  for (Block* run : runs) sorted = merge(run, sorted);
  return sorted;
}

}  // namespace

chained_arena::chained_arena(std::pmr::memory_resource* upstream) noexcept : chained_arena(with_upstream(upstream)) {}

chained_arena::chained_arena(std::size_t initial_size) noexcept : chained_arena(initial_size, nullptr) {}

chained_arena::chained_arena(std::size_t initial_size, std::pmr::memory_resource* upstream) noexcept
    : chained_arena(with_initial_size(initial_size, upstream, sizeof(block))) {}

chained_arena::chained_arena(void* buffer, std::size_t buffer_size) noexcept
    : chained_arena(buffer, buffer_size, chained_arena_options{}) {}

chained_arena::chained_arena(void* buffer, std::size_t buffer_size, std::pmr::memory_resource* upstream) noexcept
    : chained_arena(buffer, buffer_size, with_upstream(upstream)) {}

chained_arena::chained_arena(void* buffer, std::size_t buffer_size, const chained_arena_options& options) noexcept
    : resource(options.name),
      buffer_(static_cast<std::byte*>(buffer)),
      buffer_size_(buffer != nullptr ? buffer_size : 0),
      options_(normalized(options)),
      tool_(memory_tools::active()),
      watched_(tool_ || options.checked) {
  static_assert(sizeof(block) % natural_alignment == 0 && sizeof(block) <= 32,
                "blocks start aligned; the docs say 32 bytes");
  upstream_ = options_.upstream;
  chained_arena::release();
}

chained_arena::~chained_arena() {
  chained_arena::release();
  if (tool_) memory_tools::unpoison(buffer_, buffer_size_);
}

chained_arena_options chained_arena::options() const noexcept {
  chained_arena_options options = options_;
  options.name = name() == kind() ? std::string_view() : name();
  return options;
}

std::pmr::memory_resource* chained_arena::upstream() const noexcept {
  return options_.virtual_blocks ? nullptr : upstream_;
}

// ---- allocation
// ----------------------------------------------------------------------------------------------------------

void* chained_arena::allocate_slow(std::size_t bytes, std::size_t alignment) {
  request wanted{std::max<std::size_t>(bytes, 1), alignment};
  if (!is_power_of_two(alignment)) {
    report_misuse({misuse_kind::invalid_alignment, name(), nullptr, alignment});
    fail(memory_errc::invalid_alignment, wanted);
  }
  const request apart = tool_ ? wanted.with_redzone() : wanted;
  const request here = current_ != nullptr ? apart : wanted;  // a caller's buffer keeps its exact capacity
  if (void* p = take(here)) return p;
  if (extend_window(here)) return take(here);
  if (void* p = take(wanted)) return p;  // rather no redzone than another block where the plain program needs none

  wanted = apart;
  block* fresh = find_spare(wanted);
  if (fresh == nullptr) fresh = new_block(wanted);
  return serve_from(fresh, wanted);
}

/// Hands memory out from the window, or returns null and changes nothing.
void* chained_arena::take(const request& wanted) noexcept {
  const auto left = static_cast<std::size_t>(end_ - cursor_);
  const std::size_t padding = padding_for(address_of(cursor_), wanted.alignment);
  if (padding > left || wanted.bytes > left - padding || wanted.gap > left - padding - wanted.bytes) return nullptr;
  std::byte* const p = cursor_ + padding;
  cursor_ = p + wanted.bytes + wanted.gap;
  limit_ = watched_ ? cursor_ : end_;
  if (tool_) memory_tools::hand_out(p, wanted.bytes);
  return p;
}

/// Commits as much more of the current virtual block as the request needs. False, and nothing changed, if that cannot
/// be.
bool chained_arena::extend_window(const request& wanted) noexcept {
  if (current_ == nullptr || current_->committed == current_->bytes) return false;
  const std::size_t padding = padding_for(address_of(cursor_), wanted.alignment);
  const auto room = static_cast<std::size_t>(current_->start() + current_->bytes - cursor_);
  if (padding > room || wanted.bytes > room - padding || wanted.gap > room - padding - wanted.bytes) return false;
  std::byte* const end = cursor_ + padding + wanted.bytes + wanted.gap;
  if (!commit(*current_, static_cast<std::size_t>(end - current_->start()))) return false;
  set_window(cursor_, current_->committed_end());
  return true;
}

/// Commits at least the first `needed` bytes of a virtual block: as far as the ladder says, or as the limit allows.
bool chained_arena::commit(block& held, std::size_t needed) noexcept {
  if (needed <= held.committed) return true;
  const std::size_t allowed = options_.limit - held_;
  const std::size_t least = align_up(needed, os::facts().page_size);
  std::size_t target = commit_target(held.committed, needed, held.bytes, options_.huge_pages);
  if (target - held.committed > allowed) target = least;
  if (target - held.committed > allowed) return false;
  if (!os::commit(held.committed_end(), target - held.committed)) {
    if (target == least || !os::commit(held.committed_end(), least - held.committed)) return false;
    target = least;
  }
  const std::size_t step = target - held.committed;
  // An arena fills from one end: small pages that will be needed next cost a third less had at once than fault by
  // fault.
  if (!options_.huge_pages && step == small_step) (void)os::populate(held.committed_end(), step);
  if (tool_) memory_tools::poison(held.committed_end(), step);
  held.committed = target;
  held_ += step;
  return true;
}

/// Unlinks a kept block for the request: the largest if the window should move there, else the smallest that fits.
chained_arena::block* chained_arena::find_spare(const request& wanted) noexcept {
  std::size_t needed = 0;
  if (spare_ == nullptr || !wanted.block_bytes(needed) || spare_->bytes < needed) return nullptr;
  block** chosen = &spare_;
  if (spare_->bytes - needed < room_left())
    while ((*chosen)->next != nullptr && (*chosen)->next->bytes >= needed) chosen = &(*chosen)->next;
  if (!commit(**chosen, needed)) return nullptr;
  return std::exchange(*chosen, (*chosen)->next);
}

/// Bytes the current block still has for the caller, committed or not.
std::size_t chained_arena::room_left() const noexcept {
  const std::byte* const end = current_ != nullptr ? current_->start() + current_->bytes : end_;
  return static_cast<std::size_t>(end - cursor_);
}

/// Whether `bytes` more are within the limit. Kept blocks that stand in the way are given back, smallest first.
bool chained_arena::make_room(std::size_t bytes) noexcept {
  std::size_t kept = 0;
  for (const block* b = spare_; b != nullptr; b = b->next) kept += b->committed;
  if (bytes > options_.limit - (held_ - kept)) return false;
  while (bytes > options_.limit - held_) {
    block** smallest = &spare_;
    while ((*smallest)->next != nullptr) smallest = &(*smallest)->next;
    give_back(std::exchange(*smallest, nullptr));
  }
  return true;
}

chained_arena::block* chained_arena::new_block(const request& wanted) {
  if (options_.virtual_blocks) return block_from_system(wanted);
  std::size_t needed = 0;
  if (!wanted.block_bytes(needed)) fail(memory_errc::size_overflow, wanted);
  if (!make_room(needed)) fail(memory_errc::limit_reached, wanted, options_.limit);

  // The window goes where more room is left. If that is not the new block, it need not be larger than the request.
  std::size_t bytes = needed;
  if (needed <= next_block_ && next_block_ - needed >= room_left())
    bytes = std::min(next_block_, options_.limit - held_);
  return block_from_upstream(bytes, needed);
}

chained_arena::block* chained_arena::block_from_upstream(std::size_t bytes, std::size_t needed) {
  bool refused = false;
  for (;;) {
    try {
      void* const p = upstream_->allocate(bytes, natural_alignment);
      held_ += bytes;
      next_block_ = refused ? std::max(bytes, smallest_block)
                            : grown(next_block_, options_.growth_percent, options_.largest_block);
      return ::new (p) block{nullptr, bytes, bytes, nullptr};
    } catch (const std::bad_alloc&) {
      if (bytes == needed) throw;
    }
    refused = true;
    bytes = std::max(bytes / 2, needed);
  }
}

/// A virtual block: reserved whole, its beginning committed. A refused reservation is halved down to what is needed.
/// For an alignment beyond a page the block starts one page before an aligned address, so that nothing is committed as
/// padding.
chained_arena::block* chained_arena::block_from_system(const request& wanted) {
  const std::size_t page = os::facts().page_size;
  if (page == 0) fail(memory_errc::page_size_unknown, wanted);
  const std::size_t large = options_.huge_pages ? os::facts().large_page_size : 0;
  const std::size_t skipped = wanted.alignment > page ? wanted.alignment - page : 0;
  request body = wanted;
  if (skipped != 0) body.alignment = page;

  std::size_t needed = 0;
  std::size_t bytes = 0;
  std::size_t total = 0;
  if (!body.block_bytes(needed) || !checked_align_up(needed, page, needed) ||
      !checked_align_up(options_.reserve, page, bytes) || !checked_add(std::max(bytes, needed), skipped, total) ||
      total > max_object_bytes)
    fail(memory_errc::size_overflow, wanted);
  if (!make_room(needed)) fail(memory_errc::limit_reached, wanted, options_.limit);
  if (bytes < needed || bytes - needed < room_left()) bytes = needed;  // as for blocks from an upstream

  const std::size_t alignment =
      std::max<std::size_t>(skipped != 0 ? wanted.alignment : 1, std::max<std::size_t>(large, 1));
  os::mapping made = os::reserve(skipped + bytes, alignment);
  while (!made && bytes != needed) {
    bytes = std::max(align_up(bytes / 2, page), needed);
    made = os::reserve(skipped + bytes, alignment);
  }
  if (!made) fail(made.outcome.error, wanted, 0, made.outcome.os_code);

  auto* const start = static_cast<std::byte*>(made.address) + skipped;
  std::size_t committed = commit_target(0, needed, bytes, options_.huge_pages);
  if (committed > options_.limit - held_) committed = needed;
  os::status outcome = os::commit(start, committed);
  if (outcome && skipped != 0) outcome = os::release(made.address, skipped);
  if (!outcome) {
    (void)os::release(made.address, skipped + bytes);
    fail(outcome.error, wanted, 0, outcome.os_code);
  }
  if (large != 0) (void)os::advise(start, bytes, os::advice::huge_pages);
  held_ += committed;
  return ::new (start) block{nullptr, bytes, committed, nullptr};
}

/// Links a block that surely holds the request, hands the memory out, and leaves the window where more room is.
void* chained_arena::serve_from(block* fresh, const request& wanted) noexcept {
  std::byte* const old_cursor = cursor_;
  std::byte* const old_end = end_;
  block* const old_current = current_;
  const std::size_t old_room = room_left();
  fresh->next = std::exchange(blocks_, fresh);

  close_window();
  open(fresh);
  void* const p = take(wanted);
  if (old_room > room_left()) {
    close_window();
    current_ = old_current;
    set_window(old_cursor, old_end);
  }
  return p;
}

// ---- the window
// ----------------------------------------------------------------------------------------------------------

void chained_arena::open(block* current) noexcept {
  std::byte* first = current->first();
  if (tool_) {
    memory_tools::poison(first, static_cast<std::size_t>(current->committed_end() - first));
    first += memory_tools::redzone;
  }
  current_ = current;
  set_window(first, current->committed_end());
}

void chained_arena::open_buffer() noexcept {
  if (tool_) memory_tools::poison(buffer_, buffer_size_);
  current_ = nullptr;
  set_window(buffer_, buffer_ + buffer_size_);
}

void chained_arena::set_window(std::byte* cursor, std::byte* end) noexcept {
  cursor_ = cursor;
  end_ = end;
  limit_ = watched_ ? cursor : end;
}

/// Remembers how far the window's memory was handed out.
void chained_arena::close_window() noexcept { (current_ != nullptr ? current_->top : buffer_top_) = cursor_; }

void chained_arena::deallocate_watched(void* p, std::size_t bytes, std::size_t alignment) {
  bytes = std::max<std::size_t>(bytes, 1);
  if (options_.checked) {
    if (!is_power_of_two(alignment)) {
      report_misuse({misuse_kind::invalid_alignment, name(), p, alignment});
      return;
    }
    const block_info found = find_block(p);
    if (found.begin == nullptr || !range_contains(found.begin, found.bytes, p, 1)) {
      report_misuse({misuse_kind::foreign_pointer, name(), p});
      return;
    }
    if (!is_aligned(p, alignment)) {
      report_misuse({misuse_kind::wrong_alignment, name(), p, alignment, address_of(p) & (~address_of(p) + 1)});
      return;
    }
    if (!range_contains(found.begin, found.bytes, p, bytes)) {
      const auto most = static_cast<std::size_t>(static_cast<const std::byte*>(found.begin) + found.bytes -
                                                 static_cast<const std::byte*>(p));
      report_misuse({misuse_kind::wrong_size, name(), p, bytes, most, true, false});
      return;
    }
  }
  if (tool_) memory_tools::poison(p, bytes);
}

bool chained_arena::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                               std::size_t /*alignment*/) noexcept {
  old_bytes = std::max<std::size_t>(old_bytes, 1);
  new_bytes = std::max<std::size_t>(new_bytes, 1);
  auto* const start = static_cast<std::byte*>(p);
  std::byte* const old_end = start + old_bytes;
  const std::size_t gap = tool_ && old_end + memory_tools::redzone == cursor_ ? memory_tools::redzone : 0;
  const std::byte* const region = current_ != nullptr ? current_->first() : buffer_;
  const bool newest = old_end + gap == cursor_ && region <= start;
  if (new_bytes <= old_bytes) {
    if (newest) {
      peak_ = usage().peak;
      set_window(start + new_bytes + gap, end_);
    }
    if (tool_) memory_tools::poison(start + new_bytes, old_bytes - new_bytes);
    return true;
  }
  if (!newest) return false;
  const request more{new_bytes - old_bytes, 1};
  if (more.bytes > static_cast<std::size_t>(end_ - cursor_) && !extend_window(more)) return false;
  set_window(cursor_ + more.bytes, end_);
  if (tool_) memory_tools::unpoison(old_end, more.bytes);
  return true;
}

// ---- giving back
// ---------------------------------------------------------------------------------------------------------

void chained_arena::clear() noexcept {
  peak_ = usage().peak;
  block* list = std::exchange(blocks_, nullptr);
  if (list != nullptr) {
    block* last = list;
    for (;; last = last->next) {
      if (tool_) memory_tools::poison(last->first(), last->committed - sizeof(block));
      if (last->next == nullptr) break;
    }
    last->next = std::exchange(spare_, nullptr);
    spare_ = list->next == nullptr ? list : sort_by_size(list);
  }
  block** end = &spare_;
  for (std::size_t kept = 0; *end != nullptr && kept < options_.retained_blocks; ++kept) end = &(*end)->next;
  give_back_all(std::exchange(*end, nullptr));
  buffer_top_ = buffer_;
  open_buffer();
}

void chained_arena::release() noexcept {
  give_back_all(std::exchange(blocks_, nullptr));
  give_back_all(std::exchange(spare_, nullptr));
  next_block_ = options_.first_block;
  if (buffer_size_ != 0)
    next_block_ = std::max(next_block_, grown(buffer_size_, options_.growth_percent, options_.largest_block));
  peak_ = 0;
  buffer_top_ = buffer_;
  open_buffer();
}

std::size_t chained_arena::trim() noexcept {
  const std::size_t before = held_;
  give_back_all(std::exchange(spare_, nullptr));
  return before - held_;
}

void chained_arena::give_back_all(block* list) noexcept {
  while (list != nullptr) give_back(std::exchange(list, list->next));
}

void chained_arena::give_back(block* held) noexcept {
  const std::size_t bytes = held->bytes;
  const std::size_t committed = held->committed;
  if (tool_) memory_tools::unpoison(held, committed);
  held_ -= committed;
  if (!options_.virtual_blocks) {
    upstream_->deallocate(held, bytes, natural_alignment);
  } else if (!os::release(held, bytes)) {
    (void)os::decommit(held, bytes);  // no map entry to split with: at least the contents and the charge go
  }
}

// ---- looking inside
// ------------------------------------------------------------------------------------------------------

/// Calls visit(first byte, end of what was handed out, end of what is committed, the block or null for the caller's
/// buffer).
template <class Visit>
void chained_arena::for_each_region(Visit visit) const {
  if (buffer_size_ != 0) {
    const std::byte* const top = current_ == nullptr ? cursor_ : buffer_top_;
    visit(buffer_, top, buffer_ + buffer_size_, static_cast<const block*>(nullptr));
  }
  for (const block* b = blocks_; b != nullptr; b = b->next)
    visit(b->first(), b == current_ ? cursor_ : b->top, b->start() + b->committed, b);
}

std::size_t chained_arena::available() const noexcept { return static_cast<std::size_t>(end_ - cursor_); }

memory_usage chained_arena::usage() const noexcept {
  memory_usage now;
  for_each_region([&](const std::byte* first, const std::byte* top, const std::byte* end, const block* b) {
    now.used += static_cast<std::size_t>(top - first);
    const bool window_is_here = b == current_;
    if (b != nullptr) now.wasted += sizeof(block);
    if (!window_is_here) now.wasted += static_cast<std::size_t>(end - top);
    now.reserved += b != nullptr ? b->bytes : buffer_size_;
    now.committed += b != nullptr ? b->committed : buffer_size_;
  });
  for (const block* b = spare_; b != nullptr; b = b->next) {
    now.reserved += b->bytes;
    now.committed += b->committed;
  }
  now.peak = std::max(peak_, now.used);
  return now;
}

bool chained_arena::owns(const void* p) const noexcept { return find_block(p).begin != nullptr; }

block_info chained_arena::find_block(const void* p) const noexcept {
  block_info found;
  for_each_region([&](const std::byte* first, const std::byte* top, const std::byte* end, const block*) {
    if (range_contains(first, static_cast<std::size_t>(end - first), p, 1))
      found = {first, static_cast<std::size_t>(top - first), false, p < top ? block_state::used : block_state::free};
  });
  return found;
}

void chained_arena::for_each_block(block_visitor visitor) const {
  for_each_region([&](const std::byte* first, const std::byte* top, const std::byte*, const block*) {
    visitor({first, static_cast<std::size_t>(top - first), false, block_state::used});
  });
}

bool chained_arena::check() const noexcept {
  bool sound = cursor_ <= end_ && limit_ == (watched_ ? cursor_ : end_) && held_ <= options_.limit;
  bool current_found = current_ == nullptr;
  std::size_t held = 0;
  for_each_region([&](const std::byte* first, const std::byte* top, const std::byte* end, const block* b) {
    sound = sound && first <= top && top <= end && (b != current_ || end == end_);
    if (b == nullptr) return;
    sound = sound && b->committed <= b->bytes && b->committed >= sizeof(block);
    current_found = current_found || b == current_;
    held += b->committed;
  });
  for (const block* b = spare_; b != nullptr; b = b->next) {
    sound = sound && (b->next == nullptr || b->next->bytes <= b->bytes);
    held += b->committed;
  }
  return sound && current_found && held == held_;
}

void chained_arena::fail(memory_errc code, const request& wanted, std::size_t limit, int os_code) const {
  throw allocation_error({code, name(), wanted.bytes, wanted.alignment, limit, os_code});
}

}  // namespace allot
