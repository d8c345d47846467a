#include <algorithm>
#include <allot/arena/chained_arena.hpp>
#include <allot/block/budget_slice.hpp>
#include <allot/block/commit_ladder.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/block_sight.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/os/virtual_memory.hpp>
#include <array>
#include <cstring>
#include <new>
#include <utility>

namespace allot {

/// What every upstream is asked for; more is reached by padding inside the block.
static constexpr std::size_t natural_alignment = alignof(std::max_align_t);

/// The header at the start of every block.
///
/// Going back needs to know what came when. The list of blocks is in the order they were made, and `resume` says how
/// far the window of then was used. The window moves on into a new block, or stays where it is because more room is
/// left there; a block the window never stayed in has a `top`.
struct alignas(natural_alignment) chained_arena::block {
  block* next;
  std::size_t bytes;                // of the whole block, as it goes back
  std::size_t committed;            // of those, bytes that may be touched; `bytes` unless the block is virtual
  std::byte* top;                   // end of what was handed out; null: the window is or was here
  std::byte* resume;                // the cursor when the block was made, in the window of that time
  const std::byte* high = nullptr;  // how far it was used before something in it went back; null: nothing has

  std::byte* start() noexcept { return reinterpret_cast<std::byte*>(this); }
  std::byte* first() noexcept { return start() + sizeof(block); }
  std::byte* committed_end() noexcept { return start() + committed; }
  const std::byte* start() const noexcept { return reinterpret_cast<const std::byte*>(this); }
  const std::byte* first() const noexcept { return start() + sizeof(block); }

  /// The block the window was in before this one; null: the caller's buffer, or none.
  block* window_below() const noexcept {
    block* below = next;
    while (below != nullptr && below->top != nullptr) below = below->next;
    return below;
  }
};

namespace {

constexpr std::size_t smallest_block = 128;

chained_arena_options normalized(chained_arena_options options) noexcept {
  if (options.upstream == nullptr) options.upstream = std::pmr::get_default_resource();
  // No upstream can serve more, and some do not notice that they cannot.
  options.first_block = std::clamp(options.first_block, smallest_block, max_object_bytes / 2);
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

commit_ladder ladder_for(const chained_arena_options& options) noexcept {
  return {os::facts().page_size, options.huge_pages};
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
    : arena(options.name, alignof(std::max_align_t), options.checked),
      buffer_(static_cast<std::byte*>(buffer)),
      buffer_size_(buffer != nullptr ? buffer_size : 0),
      buffer_high_(buffer_),
      options_(normalized(options)) {
  static_assert(sizeof(block) % natural_alignment == 0 && sizeof(block) <= 48, "the docs say 48 bytes");
  upstream_ = options_.upstream;
  start();
  if (buffer_size_ != 0) (void)os::address_registry::add({buffer_, buffer_size_, this, chained_arena::kind()});
}

chained_arena::~chained_arena() {
  const os::address_registry::ending end(*this);
  if (held_ != 0 || position() != 0) tell_of_end();
  start();
  if (buffer_size_ != 0) os::address_registry::remove(buffer_, this);
  if (tool_) memory_tools::unpoison(buffer_, buffer_size_);
}

chained_arena_options chained_arena::options() const noexcept {
  chained_arena_options options = options_;
  options.name = name() == kind() ? std::string_view() : name();
  return options;
}

// ---- allocation

arena::served chained_arena::serve(const request& wanted, const request& plain) {
  const request& here = fitting(wanted, plain);
  // a request of 0 bytes is for an address with room behind it
  if (extend_window({std::max<std::size_t>(here.bytes, 1), here.alignment, here.gap})) return {take(here), true};
  // For a tool's sake alone no other block is taken where the plain program needs none.
  if (wanted.bytes != 0 && !checked_)
    if (std::byte* p = take(plain)) return {p, false};
  block* fresh = find_spare(wanted);
  try {
    if (fresh == nullptr) {
      fresh = new_block(wanted);
      (void)os::address_registry::add({fresh, fresh->bytes, this, kind()});
      tell(memory_event_kind::grow, fresh, fresh->committed);
    }
  } catch (...) {
    // For the sake of a check there may be another block, but none that was refused.
    std::byte* const p = wanted.bytes != 0 ? take(plain) : nullptr;
    if (p == nullptr) throw;
    return {p, false};
  }
  return {serve_from(fresh, wanted), true};
}

bool chained_arena::extend(std::size_t bytes) noexcept { return extend_window({bytes, 1}); }

void chained_arena::zero(void* p, std::size_t bytes) noexcept { std::memset(p, 0, bytes); }

/// Bytes a new block needs to be sure to hold the request; false when there is no such number.
bool chained_arena::block_bytes(const request& wanted, std::size_t& total) const noexcept {
  const std::size_t padding = wanted.alignment > natural_alignment ? wanted.alignment - natural_alignment : 0;
  std::size_t needed = 0;
  const std::size_t before = tool_ ? memory_tools::redzone : 0;
  if (!checked_add(std::max<std::size_t>(wanted.bytes, 1), sizeof(block) + before + wanted.gap, needed) ||
      !checked_add(needed, padding, needed) || needed > max_object_bytes)
    return false;
  total = needed;
  return true;
}

/// Commits as much more of the current virtual block as the request needs. False, and nothing changed, if that cannot
/// be.
bool chained_arena::extend_window(const request& wanted) noexcept {
  if (current_ == nullptr || current_->committed == current_->bytes) return false;
  if (!fits(wanted, room_left())) return false;
  const std::size_t padding = padding_for(address_of(cursor_), wanted.alignment);
  std::byte* const end = cursor_ + padding + wanted.bytes + wanted.gap;
  if (!commit(*current_, static_cast<std::size_t>(end - current_->start()))) return false;
  end_ = current_->committed_end();
  set_cursor(cursor_);
  return true;
}

/// Commits at least the first `needed` bytes of a block: as far as the ladder says, or as the limit allows.
bool chained_arena::commit(block& held, std::size_t needed) noexcept {
  if (needed <= held.committed) return true;
  const std::size_t before = held.committed;
  const std::size_t most = before + std::min(options_.limit - held_, max_object_bytes);
  const reserved_range::extent parts{held.start(), held.bytes, before};
  bool done = false;
  if (reserving_ != nullptr) {
    reservation range(*reserving_, parts);
    done = static_cast<bool>(range.try_commit(needed, most));
    held.committed = range.detach().committed;
  } else {
    reserved_range range(parts, ladder_for(options_), 1);
    done = static_cast<bool>(range.commit(needed, most));
    held.committed = range.detach().committed;
  }
  const std::size_t step = held.committed - before;
  if (tool_) memory_tools::poison(held.start() + before, step);
  held_ += step;
  if (step != 0) {
    os::address_registry::note_growth(&held, this);
    tell(memory_event_kind::grow, held.start() + before, step);
  }
  if (held_ > options_.retained_bytes) marks_.note_change();  // the way back has something to shed
  return done;
}

/// Unlinks a kept block for the request: the largest if the window should move there, else the smallest that fits among
/// the first few, so that many blocks of one size cost no long walks.
chained_arena::block* chained_arena::find_spare(const request& wanted) noexcept {
  std::size_t needed = 0;
  if (spare_ == nullptr || !block_bytes(wanted, needed) || spare_->bytes < needed) return nullptr;
  block** chosen = &spare_;
  if (spare_->bytes - needed < room_left()) {
    for (int looked_at = 1; looked_at < 32; ++looked_at) {
      if ((*chosen)->next == nullptr || (*chosen)->next->bytes < needed) break;
      chosen = &(*chosen)->next;
    }
  }
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
  if (bytes > options_.limit - held_) drop_spares(options_.limit - bytes);
  return true;
}

chained_arena::block* chained_arena::new_block(const request& wanted) {
  if (options_.virtual_blocks) return block_from_system(wanted);
  if (reserving_ == nullptr) reserving_ = as_reserving_resource(upstream_);
  if (reserving_ != nullptr) return block_from_reservation(wanted);
  std::size_t needed = 0;
  if (!block_bytes(wanted, needed)) fail(memory_errc::size_overflow, wanted);
  if (!make_room(needed)) fail(memory_errc::limit_reached, wanted, options_.limit);

  // The window goes where more room is left. If that is not the new block, it need not be larger than the request.
  std::size_t bytes = needed;
  if (needed <= next_block_ && next_block_ - needed >= room_left())
    bytes = std::min(next_block_, options_.limit - held_);
  bytes = std::max(needed, std::min(bytes, room_without_overflow(upstream_, natural_alignment)));
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
      return ::new (p) block{nullptr, bytes, bytes, nullptr, nullptr};
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
  const std::size_t large = options_.huge_pages ? os::facts().advised_page_size : 0;
  const std::size_t skipped = wanted.alignment > page ? wanted.alignment - page : 0;
  request body = wanted;
  if (skipped != 0) body.alignment = page;

  std::size_t needed = 0;
  std::size_t bytes = 0;
  std::size_t total = 0;
  if (!block_bytes(body, needed) || !checked_align_up(needed, page, needed) ||
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
  std::size_t committed = ladder_for(options_).target(0, needed, bytes);
  if (committed > options_.limit - held_) committed = needed;
  os::status outcome = os::commit(start, committed);
  if (outcome && skipped != 0) outcome = os::release(made.address, skipped);
  if (!outcome) {
    (void)os::release(made.address, skipped + bytes);
    fail(outcome.error, wanted, 0, outcome.os_code);
  }
  if (large != 0) (void)os::advise(start, bytes, os::advice::huge_pages);
  held_ += committed;
  return ::new (start) block{nullptr, bytes, committed, nullptr, nullptr};
}

/// The same from an upstream that does the work. The block starts where the reservation does, so padding is committed,
/// if not touched: alignments beyond all reason are not met.
chained_arena::block* chained_arena::block_from_reservation(const request& wanted) {
  constexpr std::size_t largest_alignment = std::size_t{1} << 30;
  if (wanted.alignment > std::max(largest_alignment, options_.reserve)) fail(memory_errc::invalid_alignment, wanted);
  std::size_t needed = 0;
  if (!block_bytes(wanted, needed)) fail(memory_errc::size_overflow, wanted);
  if (!make_room(needed)) fail(memory_errc::limit_reached, wanted, options_.limit);
  std::size_t bytes = options_.reserve;
  if (bytes < needed || bytes - needed < room_left()) bytes = needed;  // as for blocks from an upstream

  os::status outcome;
  reservation range = reserving_->try_reserve(bytes, needed, natural_alignment, outcome);
  if (outcome) {
    // What was in use before comes with memory, which counts as well.
    const std::size_t allowed = std::min(options_.limit - held_, max_object_bytes);
    if (range.committed() > allowed) outcome = range.try_decommit(0);
    if (outcome) outcome = range.try_commit(needed, allowed);
    if (outcome && range.committed() > allowed) outcome = {memory_errc::limit_reached, 0};
  }
  if (!outcome)
    fail(outcome.error, wanted, outcome.error == memory_errc::limit_reached ? options_.limit : 0, outcome.os_code);
  const reservation::extent parts = range.detach();
  held_ += parts.committed;
  return ::new (parts.data) block{nullptr, parts.size, parts.committed, nullptr, nullptr};
}

/// Links a block that surely holds the request, hands the memory out, and leaves the window where more room is.
std::byte* chained_arena::serve_from(block* fresh, const request& wanted) noexcept {
  std::byte* const old_cursor = cursor_;
  block* const old_current = current_;
  const std::size_t old_room = room_left();
  note_high();
  fresh->next = std::exchange(blocks_, fresh);
  fresh->top = nullptr;
  fresh->resume = old_cursor;
  marks_.note_change();

  if (tool_) memory_tools::poison(fresh->first(), fresh->committed - sizeof(block));
  open(fresh, opening(fresh), position());
  std::byte* const p = take(wanted);
  if (wanted.bytes != 0 && old_room > room_left()) {
    fresh->top = cursor_;
    open(old_current, old_cursor, position());
    first_ = window_start();
  }
  return p;
}

// ---- the window

/// Bytes kept from use at the start of every block where a memory tool watches.
std::size_t chained_arena::opening_gap() const noexcept { return tool_ ? memory_tools::redzone : 0; }

/// Where the first byte of a window in this block, or in the caller's buffer, lies.
std::byte* chained_arena::opening(block* held) const noexcept {
  if (held == nullptr) return buffer_;
  return held->first() + opening_gap();
}

/// Where in the window lies what came after the newest block: nothing below is the last that was handed out.
std::byte* chained_arena::window_start() const noexcept {
  return blocks_ == nullptr || blocks_ == current_ ? opening(current_) : blocks_->resume;
}

void chained_arena::open(block* held, std::byte* cursor, std::size_t position) noexcept {
  current_ = held;
  redzones_ = tool_ && held != nullptr;  // a caller's buffer keeps its exact capacity
  set_window(opening(held), cursor, held != nullptr ? held->committed_end() : buffer_ + buffer_size_, position);
}

// ---- going back

/// To be called before the window moves or its cursor goes down: what lies below was in use.
void chained_arena::note_high() noexcept {
  const std::byte*& high = current_ != nullptr ? current_->high : buffer_high_;
  high = std::max({high, static_cast<const std::byte*>(high_), static_cast<const std::byte*>(cursor_)});
}

/// Undoes what was done since `position`, newest first. Blocks nothing is left in are kept for what comes.
void chained_arena::lower(std::size_t position) noexcept {
  block* left = nullptr;
  std::size_t at = this->position();
  while (at > position) {
    block* const newest = blocks_;
    const bool window_is_newest = newest == nullptr || newest == current_;
    const std::size_t back = std::min(at - position, static_cast<std::size_t>(cursor_ - first_));
    if (tool_) memory_tools::poison(cursor_ - back, back);
    note_high();
    at -= back;
    set_window(first_, cursor_ - back, end_, at);
    if (cursor_ != first_ || newest == nullptr) continue;

    // Nothing is left in the window that is younger than its block, or than the block beside it. The chain's first
    // block stays open, so that what comes next finds room.
    if (window_is_newest) {
      if (at == position && newest->next == nullptr && buffer_size_ == 0) continue;
      open(newest->window_below(), newest->resume, at);
    } else if (at != position) {
      const auto inside = static_cast<std::size_t>(newest->top - opening(newest));
      const std::size_t back_inside = std::min(at - position, inside);
      newest->high = std::max(newest->high, static_cast<const std::byte*>(newest->top));
      newest->top -= back_inside;
      if (tool_) memory_tools::poison(newest->top, back_inside);
      at -= back_inside;
      set_window(first_, cursor_, end_, at);
      if (back_inside != inside) continue;
    } else {
      continue;
    }
    blocks_ = newest->next;
    first_ = window_start();
    newest->next = left;
    left = newest;
  }
  if (left != nullptr) keep(left);
  if (at == 0 && held_ > options_.retained_bytes) shed(options_.retained_bytes);
}

void chained_arena::clear() noexcept {
  attend();
  give_up(0, memory_event_kind::clear);
  if (blocks_ == nullptr) return;
  note_high();
  block* const first = std::exchange(blocks_, nullptr);
  open(nullptr, buffer_, 0);
  keep(first);
  if (held_ > options_.retained_bytes) drop_spares(options_.retained_bytes);
}

/// Adds blocks to the spare ones, as far as they may be retained.
void chained_arena::keep(block* list) noexcept {
  marks_.note_change();
  for (block* b = list; tool_ && b != nullptr; b = b->next)
    memory_tools::poison(b->first(), b->committed - sizeof(block));
  spare_ = merge(list->next == nullptr ? list : sort_by_size(list), spare_);
  if (options_.retained_blocks == chained_arena_options::no_limit) return;
  block** end = &spare_;
  for (std::size_t kept = 0; *end != nullptr && kept < options_.retained_blocks; ++kept) end = &(*end)->next;
  give_back_all(std::exchange(*end, nullptr));
}

void chained_arena::release() noexcept {
  attend();
  tell(memory_event_kind::release);
  note_high();
  for_each_region([&](const std::byte*, const std::byte* top, const std::byte*, const block* b) {
    if (b == nullptr) buffer_high_ = std::max(buffer_high_, top);
  });
  start();
}

/// As constructed.
void chained_arena::start() noexcept {
  restart(true);
  give_back_all(std::exchange(blocks_, nullptr));
  give_back_all(std::exchange(spare_, nullptr));
  next_block_ = options_.first_block;
  if (buffer_size_ != 0)
    next_block_ = std::max(next_block_, grown(buffer_size_, options_.growth_percent, options_.largest_block));
  if (tool_) memory_tools::poison(buffer_, buffer_size_);
  open(nullptr, buffer_, 0);
  restart(false);  // what the way back left in the books
}

/// Gives spare blocks back, the smallest first, until no more than `allowed` bytes are held or none is left.
void chained_arena::drop_spares(std::size_t allowed) noexcept {
  std::size_t held = held_;
  for (const block* b = spare_; b != nullptr; b = b->next) held -= b->committed;
  block** end = &spare_;
  while (*end != nullptr && held + (*end)->committed <= allowed) {
    held += (*end)->committed;
    end = &(*end)->next;
  }
  give_back_all(std::exchange(*end, nullptr));
}

/// Of an empty arena, gives back what it holds beyond `kept` bytes: spare blocks, then the block that is open, or of a
/// virtual one committed memory.
void chained_arena::shed(std::size_t kept) noexcept {
  drop_spares(kept);
  if (current_ == nullptr || held_ <= kept) return;
  if (!options_.virtual_blocks && reserving_ == nullptr) {
    give_back_all(std::exchange(blocks_, nullptr));
    open(nullptr, buffer_, 0);
    return;
  }
  const std::size_t least = std::max<std::size_t>(kept, sizeof(block));
  const std::size_t before = current_->committed;
  if (reserving_ != nullptr) {
    // The upstream may round up to huge pages: whole ones are asked for.
    constexpr std::size_t huge = commit_ladder::huge_step;
    reservation range(*reserving_, {current_->start(), current_->bytes, before});
    (void)range.try_decommit(least > huge ? least / huge * huge : least);
    current_->committed = range.detach().committed;
  } else if (const std::size_t target = ladder_for(options_).least(least, current_->bytes); target < before) {
    if (tool_) memory_tools::unpoison(current_->start() + target, before - target);
    if (os::decommit(current_->start() + target, before - target)) current_->committed = target;
  }
  if (current_->committed == before) return;
  held_ -= before - current_->committed;
  note_high();
  open(current_, cursor_, 0);
}

std::size_t chained_arena::trim() noexcept {
  attend();
  const std::size_t before = held_;
  give_back_all(std::exchange(spare_, nullptr));
  tell(memory_event_kind::trim, nullptr, before - held_);
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
  os::address_registry::remove(held, this);
  if (reserving_ != nullptr) {
    reservation(*reserving_, {held->start(), bytes, committed}).release();
  } else if (!options_.virtual_blocks) {
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
  const block* window = current_;
  const std::byte* cursor = cursor_;
  for (const block* b = blocks_; b != nullptr; b = b->next) {
    visit(b->first() + opening_gap(), b == window ? cursor : b->top, b->start() + b->committed, b);
    if (b != window) continue;
    window = b->window_below();
    cursor = b->resume;
  }
  if (buffer_size_ != 0) visit(buffer_, cursor, buffer_ + buffer_size_, static_cast<const block*>(nullptr));
}

std::size_t chained_arena::available() const noexcept { return static_cast<std::size_t>(end_ - cursor_); }

memory_usage chained_arena::usage() const noexcept {
  memory_usage now;
  for_each_region([&](const std::byte* first, const std::byte* top, const std::byte* end, const block* b) {
    now.used += static_cast<std::size_t>(top - first);
    const bool window_is_here = b == current_;
    if (b != nullptr) now.wasted += sizeof(block) + opening_gap();
    if (!window_is_here) now.wasted += static_cast<std::size_t>(end - top);
    now.reserved += b != nullptr ? b->bytes : buffer_size_;
    now.committed += b != nullptr ? b->committed : buffer_size_;
  });
  for (const block* b = spare_; b != nullptr; b = b->next) {
    now.reserved += b->bytes;
    now.committed += b->committed;
  }
  now.peak = std::max(peak(), now.used);
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

/// Whether the headers of a list can be followed: the program may have written over them.
bool chained_arena::is_intact(const block* list) const noexcept {
  std::size_t left = held_;  // a list that comes back to itself ends, too
  for (const block* b = list; b != nullptr; b = b->next) {
    const std::size_t bytes = os::address_registry::size_of(b, this);
    if (bytes == 0 || b->bytes != bytes || b->committed < sizeof(block)) return false;
    if (b->committed > bytes || b->committed > left) return false;
    left -= b->committed;
  }
  return true;
}

/// Where headers were written over nothing is told.
bool chained_arena::try_look_at(const void* p, block_sight& seen) const noexcept {
  if (!is_intact(blocks_) || !is_intact(spare_)) return true;
  seen.state = block_state::gap;
  seen.all_in_use = true;
  const auto* const at = static_cast<const std::byte*>(p);
  const auto look = [&](const std::byte* first, const std::byte* top, const std::byte* end, const std::byte* high) {
    seen.all_in_use = at >= first;
    if (at < first || at >= end) return;
    seen.state = at < top ? block_state::used : block_state::free;
    seen.used_before = at >= top && at < high;
    if (top != nullptr) seen.block = {first, static_cast<std::size_t>(top - first), false, seen.state};
  };
  for_each_region([&](const std::byte* first, const std::byte* top, const std::byte* end, const block* b) {
    if (!(b != nullptr ? range_contains(b, b->bytes, p, 1) : range_contains(buffer_, buffer_size_, p, 1))) return;
    const std::byte* const high = b != nullptr ? b->high : buffer_high_;
    look(first, top, end, b == current_ ? std::max(high, static_cast<const std::byte*>(high_)) : high);
  });
  for (const block* b = spare_; b != nullptr; b = b->next)
    if (range_contains(b, b->bytes, p, 1)) look(b->first(), nullptr, b->start() + b->committed, b->high);
  return true;
}

void chained_arena::for_each_block(block_visitor visitor) const {
  for_each_region([&](const std::byte* first, const std::byte* top, const std::byte* end, const block* b) {
    visitor({first, static_cast<std::size_t>(top - first), false, block_state::used});
    if (b == current_ && end > top) visitor({top, static_cast<std::size_t>(end - top), false, block_state::free});
  });
  for (const block* b = spare_; b != nullptr; b = b->next) {
    const std::byte* const first = b->first() + opening_gap();
    const std::byte* const end = b->start() + b->committed;
    if (end > first) visitor({first, static_cast<std::size_t>(end - first), false, block_state::free});
  }
}

bool chained_arena::check() const noexcept {
  bool sound = window_is_sound() && held_ <= options_.limit;
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

}  // namespace allot
