#include <algorithm>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/block_sight.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/os/virtual_memory.hpp>
#include <cstring>
#include <new>
#include <utility>

namespace allot {
namespace {

constexpr std::size_t default_reservation = sizeof(void*) >= 8 ? std::size_t{1} << 30 : std::size_t{64} << 20;
constexpr std::size_t default_upstream_block = std::size_t{64} << 10;

/// What an upstream is asked for; more is reached by padding inside the block.
constexpr std::size_t upstream_alignment = alignof(std::max_align_t);

monotonic_arena_options sized(std::size_t size, std::pmr::memory_resource* upstream) noexcept {
  monotonic_arena_options options;
  options.size = size;
  options.upstream = upstream;
  return options;
}

/// Whether every byte of the block reads zero again.
bool drop_contents(page_block& block) noexcept {
  try {
    block.reset();
    return true;
  } catch (const allocation_error&) {
    return false;
  }
}

std::size_t bytes_between(const std::byte* from, const std::byte* to) noexcept {
  return static_cast<std::size_t>(to - from);
}

}  // namespace

monotonic_arena::monotonic_arena(std::size_t size) noexcept : monotonic_arena(sized(size, nullptr)) {}

monotonic_arena::monotonic_arena(std::size_t size, std::pmr::memory_resource* upstream) noexcept
    : monotonic_arena(sized(size, upstream)) {}

monotonic_arena::monotonic_arena(const monotonic_arena_options& options) noexcept
    : arena(options.name, options.auto_align, options.checked),
      backing_(options.upstream != nullptr ? backing::upstream : backing::reservation),
      huge_pages_(options.huge_pages),
      wanted_size_(options.size),
      wanted_page_(options.page_size),
      upstream_(options.upstream) {
  redzones_ = tool_ && backing_ == backing::reservation;  // other memory keeps its exact capacity
}

monotonic_arena::monotonic_arena(void* buffer, std::size_t size, const monotonic_arena_options& options)
    : monotonic_arena(buffer, size, options, "monotonic_arena") {}

monotonic_arena::monotonic_arena(void* buffer, std::size_t size, const monotonic_arena_options& options,
                                 std::string_view kind)
    : arena(options.name, options.auto_align, options.checked), backing_(backing::buffer) {
  if (buffer == nullptr) size = 0;
  use(buffer, size, size, size);
  claim_memory();
  be_known(kind);
}

monotonic_arena::monotonic_arena(page_block&& block, const monotonic_arena_options& options) noexcept
    : arena(options.name, options.auto_align, options.checked),
      backing_(backing::owned_block),
      block_(std::move(block)) {
  use(block_.data(), block_.size(), block_.size(), block_.size());
  be_known("monotonic_arena");
}

monotonic_arena::monotonic_arena(const page_block& block, const monotonic_arena_options& options)
    : arena(options.name, options.auto_align, options.checked),
      backing_(backing::viewed_block),
      viewed_(&block),
      generation_(block.generation()) {
  watch_always();  // every call must see whether the block is still there
  use(block.data(), block.size(), block.size(), block.size());
  claim_memory();
  be_known("monotonic_arena");
}

monotonic_arena::monotonic_arena(monotonic_arena& parent, void* data, std::size_t size, std::string_view name)
    : arena(name, alignof(std::max_align_t), parent.checked_), backing_(backing::slice), parent_(&parent) {
  auto* const first = static_cast<std::byte*>(data);
  // The parent's cursor is behind the slice already, and says nothing of it.
  std::byte* const dirty = std::clamp(std::max(parent.clean_, parent.high_), first, first + size);
  use(data, size, size, bytes_between(first, dirty));
  older_ = parent.newest_slice_;
  if (older_ != nullptr) older_->newer_ = this;
  parent.newest_slice_ = this;
  be_known("monotonic_arena");
}

monotonic_arena::monotonic_arena(monotonic_arena&& other) noexcept
    : arena(std::move(other)),
      backing_(other.backing_),
      huge_pages_(other.huge_pages_),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      clean_(std::exchange(other.clean_, nullptr)),
      wanted_size_(other.wanted_size_),
      wanted_page_(other.wanted_page_),
      upstream_(other.upstream_),
      range_(std::move(other.range_)),
      block_(std::move(other.block_)),
      viewed_(std::exchange(other.viewed_, nullptr)),
      generation_(other.generation_) {
  adopt_relatives(other);
  if (newest_slice_ != nullptr) marks_.raise_floor(monotonic_arena::sub_arenas_end());
  take_claim_of(other);
  known_ = std::exchange(other.known_, false);
  if (known_) os::address_registry::hand_over(data_, &other, *this);
  other.backing_ = backing::none;
}

monotonic_arena::~monotonic_arena() {
  if (newest_slice_ != nullptr)
    report_misuse({misuse_kind::live_sub_arena, name(), nullptr, 0, monotonic_arena::sub_arenas_end()});
  const os::address_registry::ending end(*this);
  refresh();
  if (data_ != nullptr) tell_of_end();
  restart(data_ != nullptr);
  orphan_sub_arenas();
  leave_parent();
  disclaim_memory();
  give_back();
}

// ---- where the memory is

/// Starts on memory of which the first `usable` bytes may be touched and the first `dirty` may not be zero.
void monotonic_arena::use(void* data, std::size_t size, std::size_t usable, std::size_t dirty) noexcept {
  data_ = static_cast<std::byte*>(data);
  size_ = size;
  clean_ = data_ + dirty;
  marks_.note_change();  // a scope begun before must not set the cursor back to where no memory was yet
  set_window(data_, data_, data_ + usable, 0);
  if (tool_) memory_tools::poison(data_, usable);
}

/// Gets the memory that was put off until it is needed.
void monotonic_arena::obtain(const request& wanted) {
  std::size_t needed = 0;
  const std::size_t padding = wanted.alignment > upstream_alignment ? wanted.alignment - upstream_alignment : 0;
  if (!checked_add(wanted.bytes, wanted.gap, needed) || !checked_add(needed, padding, needed) ||
      needed > max_object_bytes)
    fail(memory_errc::size_overflow, wanted);

  const bool stated = wanted_size_ != 0;
  if (backing_ == backing::reservation) {
    if (page_size() == 0) fail(memory_errc::page_size_unknown, wanted);
    const std::size_t size = planned_size();
    if (wanted.bytes > size) fail(memory_errc::limit_reached, wanted, size);
    const os::status outcome = range_.reserve(size, stated ? size : std::min(needed, size), {page_size(), huge_pages_});
    if (!outcome) fail(outcome.error, wanted, 0, outcome.os_code);
    use(range_.data(), range_.size(), 0, 0);
    be_known(kind());
    return;
  }
  std::size_t size = stated ? wanted_size_ : std::max(default_upstream_block, needed);
  if (wanted.bytes > size) fail(memory_errc::limit_reached, wanted, size);
  if (size > max_object_bytes) fail(memory_errc::size_overflow, wanted, size);
  void* block = nullptr;
  while (block == nullptr) {
    try {
      block = upstream_->allocate(size, upstream_alignment);
    } catch (const std::bad_alloc&) {
      if (stated || size == needed) throw;
      size = std::max(size / 2, needed);
    }
  }
  use(block, size, size, size);
  be_known(kind());
}

/// Tells the registry of addresses whose memory this is. Where it has no room, explanations do not name the arena.
void monotonic_arena::be_known(std::string_view kind) noexcept {
  if (size_ != 0) known_ = static_cast<bool>(os::address_registry::add({data_, size_, this, kind}));
}

void monotonic_arena::be_unknown() noexcept {
  if (std::exchange(known_, false)) os::address_registry::remove(data_, this);
}

void monotonic_arena::give_back() noexcept {
  be_unknown();
  if (data_ != nullptr && tool_ && backing_ != backing::slice && backing_ != backing::reservation)
    memory_tools::unpoison(data_, size_);
  if (backing_ == backing::upstream && data_ != nullptr) upstream_->deallocate(data_, size_, upstream_alignment);
  range_.release();
  data_ = clean_ = nullptr;
  size_ = 0;
  set_window(nullptr, nullptr, nullptr, 0);
}

/// As constructed, for what needs no new memory.
void monotonic_arena::release() noexcept {
  attend();
  if (newest_slice_ != nullptr) {
    report_misuse({misuse_kind::live_sub_arena, name(), nullptr, 0, sub_arenas_end()});
    return;
  }
  tell(memory_event_kind::release);
  restart(data_ != nullptr);
  switch (backing_) {
    case backing::none:
      break;
    case backing::reservation:
    case backing::upstream:
      give_back();
      break;
    case backing::buffer:
    case backing::viewed_block:
      use(data_, size_, size_, size_);
      break;
    case backing::owned_block:
      if (tool_) memory_tools::unpoison(data_, size_);  // a checked block looks at its bytes
      use(data_, size_, size_, drop_contents(block_) ? 0 : size_);
      break;
    case backing::slice:
      die();
      break;
  }
  restart(false);  // what the way back left in the books
}

/// No memory any more, for good.
void monotonic_arena::die() noexcept {
  be_unknown();
  orphan_sub_arenas();
  leave_parent();
  disclaim_memory();
  viewed_ = nullptr;
  data_ = clean_ = nullptr;
  size_ = 0;
  backing_ = backing::none;
  set_window(nullptr, nullptr, nullptr, 0);
  restart(false);
}

void monotonic_arena::refresh() noexcept {
  if (!lost()) return;
  if (tool_) memory_tools::unpoison(data_, size_);  // what is left of the block is its owner's again
  die();
}

// ---- allocation

arena::served monotonic_arena::serve(const request& wanted, const request& plain) {
  if (dead()) fail(memory_errc::null_pointer, plain);
  const bool fresh =
      data_ == nullptr && size_ == 0 && (backing_ == backing::reservation || backing_ == backing::upstream);
  if (fresh) obtain(plain);
  os::status outcome;
  served block{take_or_commit(fitting(wanted, plain), outcome), true};
  if (block.memory == nullptr) block = {take_or_commit(plain, outcome), false};
  if (block.memory != nullptr) {
    if (fresh && backing_ == backing::upstream) tell(memory_event_kind::grow, data_, size_);
    return block;
  }
  const std::size_t limit = size_;
  if (fresh) give_back();
  if (outcome) fail(memory_errc::limit_reached, plain, limit);
  fail(outcome.error, plain, 0, outcome.os_code);
}

std::byte* monotonic_arena::take_or_commit(const request& wanted, os::status& outcome) noexcept {
  if (std::byte* p = take(wanted)) return p;
  if (backing_ != backing::reservation || !fits(wanted, bytes_between(cursor_, data_ + size_))) return nullptr;
  const std::size_t padding = padding_for(address_of(cursor_), wanted.alignment);
  outcome = reach(padding + wanted.bytes + wanted.gap);
  if (!outcome) return nullptr;
  return take(wanted);
}

/// Moves the end of the window to `bytes` behind the cursor or further, within the arena's memory.
os::status monotonic_arena::reach(std::size_t bytes) noexcept {
  if (bytes > bytes_between(cursor_, data_ + size_)) return {memory_errc::limit_reached, 0};
  const std::size_t before = range_.committed();
  const os::status outcome = range_.commit(position() + bytes);
  if (!outcome) return outcome;
  if (tool_) memory_tools::poison(data_ + before, range_.committed() - before);
  end_ = data_ + range_.committed();
  set_cursor(cursor_);
  if (range_.committed() != before) {
    os::address_registry::note_growth(data_, this);
    tell(memory_event_kind::grow, data_ + before, range_.committed() - before);
  }
  return {};
}

bool monotonic_arena::extend(std::size_t bytes) noexcept {
  return backing_ == backing::reservation && static_cast<bool>(reach(bytes));
}

void monotonic_arena::deallocate_slow(void* p, std::size_t bytes, std::size_t alignment) {
  refresh();
  if (dead()) return;
  const bool newest = is_newest(p, std::max<std::size_t>(bytes, 1));  // a freed block's fence no longer tells
  if (!deallocate_watched(p, bytes, alignment) || !newest) return;
  const std::size_t position = static_cast<std::size_t>(address_of(p) - origin_);
  if (marks_.none_above(position)) give_up(position, memory_event_kind::deallocate);
}

std::byte* monotonic_arena::dirty_end() const noexcept { return std::max({clean_, high_, cursor_}); }

void monotonic_arena::zero(void* p, std::size_t bytes) noexcept {
  const std::byte* const dirty = std::max(clean_, high_);
  auto* const first = static_cast<std::byte*>(p);
  if (bytes != 0 && first < dirty) std::memset(p, 0, std::min(bytes, bytes_between(first, dirty)));
  if (tool_) memory_tools::unpoison(p, bytes);  // what nobody wrote since it came from the system has a value, too
}

// ---- going back

void monotonic_arena::lower(std::size_t position) noexcept {
  std::byte* const old = cursor_;
  set_cursor(data_ + position);
  if (tool_) memory_tools::poison(cursor_, bytes_between(cursor_, old));
}

void monotonic_arena::clear(std::size_t retained) {
  arena::clear();
  const std::size_t given_back = position() == 0 ? drop_pages(retained) : 0;
  if (given_back != 0) tell(memory_event_kind::trim, nullptr, given_back);
}

std::size_t monotonic_arena::trim() noexcept {
  attend();
  const std::size_t given_back = drop_pages(position());
  tell(memory_event_kind::trim, nullptr, given_back);
  return given_back;
}

/// Gives committed memory beyond `kept` bytes back. Returns how much.
std::size_t monotonic_arena::drop_pages(std::size_t kept) noexcept {
  if (backing_ != backing::reservation || data_ == nullptr) return 0;
  const std::size_t before = range_.committed();
  clean_ = dirty_end();
  if (!range_.decommit(kept)) return 0;
  std::byte* const end = data_ + range_.committed();
  clean_ = std::min(clean_, end);
  set_window(data_, cursor_, end, position());
  return before - range_.committed();
}

bool monotonic_arena::resize(std::size_t size) {
  const request wanted{size, 1};
  if (backing_ != backing::reservation) fail(memory_errc::not_supported, wanted);
  if (size == 0 || size < position()) fail(memory_errc::invalid_size, wanted);
  if (data_ == nullptr) {
    if (size > max_object_bytes - page_size()) fail(memory_errc::size_overflow, wanted);
    wanted_size_ = size;
    return false;
  }
  attend();
  const std::size_t at = position();
  const std::size_t old_size = size_;
  const std::size_t dirty = bytes_between(data_, dirty_end());
  const bool may_move = newest_slice_ == nullptr;
  const os::status outcome = range_.resize(size, may_move);
  if (!outcome) fail(outcome.error, wanted, 0, outcome.os_code);
  be_unknown();
  const bool moved = range_.data() != data_;
  data_ = range_.data();
  size_ = range_.size();
  std::byte* const end = data_ + range_.committed();
  clean_ = std::min(data_ + dirty, end);
  set_window(data_, data_ + at, end, at);
  be_known(kind());
  if (moved) {
    marks_.forget(checked_);
    fences_.forget();
    if (tool_) memory_tools::poison(cursor_, bytes_between(cursor_, end));
  }
  tell(memory_event_kind::expand, data_, old_size, 0, size_);
  return moved;
}

// ---- slices

monotonic_arena monotonic_arena::carve(std::size_t size, std::size_t alignment, std::string_view name) {
  void* const memory = push(size, alignment);
  if (dead()) fail(memory_errc::null_pointer, {size, alignment});  // 0 bytes can be had anywhere, but not carved
  marks_.raise_floor(position());                                  // a block freed below must not take the slice along
  marks_.note_change();
  settle_marks();
  return {*this, memory, size, name};
}

std::size_t monotonic_arena::sub_arenas_end() const noexcept {
  const monotonic_arena* newest = newest_slice_;
  while (newest != nullptr && newest->size_ == 0) newest = newest->older_;  // nothing to protect, and no place
  if (newest == nullptr) return 0;
  return static_cast<std::size_t>(address_of(newest->data_) - origin_) + newest->size_;
}

/// Takes the place of `other` among its parent's slices, and in the eyes of its own.
void monotonic_arena::adopt_relatives(monotonic_arena& other) noexcept {
  parent_ = std::exchange(other.parent_, nullptr);
  older_ = std::exchange(other.older_, nullptr);
  newer_ = std::exchange(other.newer_, nullptr);
  if (older_ != nullptr) older_->newer_ = this;
  if (newer_ != nullptr) {
    newer_->older_ = this;
  } else if (parent_ != nullptr) {
    parent_->newest_slice_ = this;
  }
  newest_slice_ = std::exchange(other.newest_slice_, nullptr);
  for (monotonic_arena* slice = newest_slice_; slice != nullptr; slice = slice->older_) slice->parent_ = this;
}

void monotonic_arena::leave_parent() noexcept {
  if (parent_ == nullptr) return;
  if (older_ != nullptr) older_->newer_ = newer_;
  (newer_ != nullptr ? newer_->older_ : parent_->newest_slice_) = older_;
  parent_ = older_ = newer_ = nullptr;
}

void monotonic_arena::orphan_sub_arenas() noexcept {
  while (newest_slice_ != nullptr) newest_slice_->die();
}

// ---- looking inside

std::size_t monotonic_arena::page_size() const noexcept {
  if (!block_.empty()) return block_.page_size();
  const std::size_t page = os::facts().page_size;
  if (page == 0 || wanted_page_ == 0) return page;
  return (wanted_page_ - 1) / page * page + page;
}

/// The size there will be once there is memory.
std::size_t monotonic_arena::planned_size() const noexcept {
  if (backing_ == backing::upstream) return wanted_size_ != 0 ? wanted_size_ : default_upstream_block;
  if (backing_ != backing::reservation) return 0;
  const std::size_t size = wanted_size_ != 0 ? wanted_size_ : default_reservation;
  const std::size_t page = page_size();
  return page == 0 || size > max_object_bytes - page ? size : (size + page - 1) / page * page;
}

std::pmr::memory_resource* monotonic_arena::upstream() const noexcept {
  return backing_ == backing::slice ? parent_ : upstream_;
}

const std::pmr::memory_resource* monotonic_arena::root() const noexcept {
  return parent_ != nullptr ? parent_->root() : this;
}

std::size_t monotonic_arena::available() const noexcept { return lost() ? 0 : size() - position(); }

std::size_t monotonic_arena::committed() const noexcept {
  return backing_ == backing::reservation ? range_.committed() : size_;
}

memory_usage monotonic_arena::usage() const noexcept {
  memory_usage now;
  if (lost()) return now;
  now.reserved = size_;
  now.committed = committed();
  now.used = position();
  now.peak = peak();
  return now;
}

bool monotonic_arena::owns(const void* p) const noexcept { return !lost() && range_contains(data_, size_, p, 1); }

block_info monotonic_arena::find_block(const void* p) const noexcept {
  if (!owns(p)) return {};
  return {data_, position(), false, p < cursor_ ? block_state::used : block_state::free};
}

bool monotonic_arena::try_look_at(const void* p, block_sight& seen) const noexcept {
  seen.block = monotonic_arena::find_block(p);
  seen.state = seen.block.state;
  if (seen.block.begin == nullptr) return true;
  const auto* const at = static_cast<const std::byte*>(p);
  seen.all_in_use = true;
  seen.used_before = at >= cursor_ && at < std::max(high_, cursor_);
  if (at >= data_ + committed()) seen.state = block_state::gap;
  return true;
}

void monotonic_arena::for_each_block(block_visitor visitor) const {
  if (data() == nullptr) return;
  visitor({data_, position(), false, block_state::used});
  if (committed() > position()) visitor({cursor_, committed() - position(), false, block_state::free});
}

bool monotonic_arena::check() const noexcept {
  if (lost()) return true;  // there is nothing to look at any more
  const bool within = data_ == first_ && end_ == data_ + committed() && committed() <= size_;
  const bool marks = marks_.none_above(peak()) && sub_arenas_end() <= position();
  return within && marks && window_is_sound();
}

}  // namespace allot
