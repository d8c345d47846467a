#include <allot/arena/arena.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/memory_tools.hpp>
#include <atomic>
#include <optional>
#include <utility>

namespace allot {

arena::arena(std::string_view name, std::size_t auto_align, bool checked) noexcept
    : resource(name),
      tool_(memory_tools::active()),
      checked_(checked),
      watched_(tool_ || checked),
      auto_align_(auto_alignment::valid(auto_align) ? auto_align : alignof(std::max_align_t)),
      always_watched_(watched_) {}

// What is moved first is the base alone. NOLINTBEGIN(bugprone-use-after-move)
arena::arena(arena&& other) noexcept
    : resource(other.name() == other.kind() ? std::string_view() : other.name()),
      bump_window(std::move(other)),
      tool_(other.tool_),
      redzones_(other.redzones_),
      checked_(other.checked_),
      watched_(other.always_watched_),
      fences_(std::move(other.fences_)),
      auto_align_(other.auto_align_),
      published_(other.published_.exchange(nullptr, std::memory_order_relaxed)),
      peak_(std::exchange(other.peak_, 0)),
      tap_(std::move(other.tap_)),
      always_watched_(other.always_watched_) {
  other.limit_.store(nullptr, std::memory_order_relaxed);
  other.marks_.forget(checked_);
}
// NOLINTEND(bugprone-use-after-move)

// ---- allocation

/// Serves a request, and tells of what became of it.
template <class Serve>
void* arena::told(memory_event_kind kind, std::size_t bytes, std::size_t alignment, Serve serve) {
  void* p = nullptr;
  try {
    p = serve();
  } catch (...) {
    tell(memory_event_kind::refuse, nullptr, bytes, alignment);
    throw;
  }
  tell(kind, p, bytes, alignment);
  return p;
}

void* arena::allocate_slow(std::size_t bytes, std::size_t alignment) {
  attend();
  return told(memory_event_kind::allocate, bytes, alignment, [&] { return allocate_untold(bytes, alignment); });
}

void* arena::allocate_untold(std::size_t bytes, std::size_t alignment) {
  const request plain{std::max<std::size_t>(bytes, 1), alignment};
  check_alignment(alignment, plain);
  const request wanted = set_apart(plain);
  served block{take(fitting(wanted, plain)), true};
  if (block.memory == nullptr) block = serve(wanted, plain);
  if (checked_ && block.apart) fences_.put(block.memory, plain.bytes, position());
  if (checked_ && !block.apart) fences_.note_unfenced();
  return block.memory;
}

void* arena::push_slow(std::size_t bytes, std::size_t alignment) {
  attend();
  if (alignment == natural) alignment = auto_alignment::natural_for(bytes);
  return told(memory_event_kind::push, bytes, alignment, [&] { return push_untold(bytes, alignment); });
}

void* arena::push_untold(std::size_t bytes, std::size_t alignment) {
  const request wanted{bytes, alignment};
  check_alignment(alignment, wanted);
  if (bytes == 0) {
    const std::uintptr_t aligned = address_of(cursor_) + padding_for(address_of(cursor_), alignment);
    return reinterpret_cast<void*>(aligned != 0 ? aligned : alignment);  // nobody may touch it, but it is not null
  }
  if (std::byte* p = take(wanted)) return p;
  return serve(wanted, wanted).memory;
}

void arena::align_to(std::size_t alignment) {
  attend();
  const request wanted{0, alignment};
  (void)told(memory_event_kind::push, 0, alignment, [&] {
    check_alignment(alignment, wanted);
    if (alignment == 1) return cursor_;
    if (fits({1, alignment}, static_cast<std::size_t>(end_ - cursor_))) return take(wanted);
    return serve(wanted, wanted).memory;
  });
}

void arena::auto_align(std::size_t alignment) {
  if (auto_alignment::valid(alignment)) {
    auto_align_ = auto_alignment(alignment);
  } else {
    report_misuse({misuse_kind::invalid_alignment, name(), nullptr, alignment});
  }
}

/// The request as it is served where blocks are set apart: with a fence, with a tool's redzone, or as it is.
arena::request arena::set_apart(const request& plain) const noexcept {
  if (plain.bytes > max_object_bytes || !(tool_ || checked_)) return plain;
  request apart = plain;
  apart.alignment = std::max(plain.alignment, memory_tools::granule);
  apart.gap = checked_ ? block_fences::gap(plain.bytes) : (tool_ ? memory_tools::redzone : 0);
  return apart;
}

/// Hands memory out from the window, or returns null and changes nothing.
std::byte* arena::take(const request& wanted) noexcept {
  if (!fits(wanted, static_cast<std::size_t>(end_ - cursor_))) return nullptr;
  std::byte* const p = cursor_ + padding_for(address_of(cursor_), wanted.alignment);
  set_cursor(p + wanted.bytes + wanted.gap);
  if (tool_) memory_tools::hand_out(p, wanted.bytes);
  return p;
}

bool arena::fits(const request& wanted, std::size_t room) const noexcept {
  const std::size_t padding = padding_for(address_of(cursor_), wanted.alignment);
  return padding <= room && wanted.bytes <= room - padding && wanted.gap <= room - padding - wanted.bytes;
}

void arena::set_window(std::byte* first, std::byte* cursor, std::byte* end, std::size_t position) noexcept {
  peak_ = peak();
  high_ = nullptr;
  first_ = first;
  end_ = end;
  origin_ = address_of(cursor) - position;
  set_cursor(cursor);
}

void arena::set_cursor(std::byte* cursor) noexcept {
  cursor_ = cursor;
  if (limit_.load(std::memory_order_relaxed) != wanted_limit()) renew_limit();
  if (watched_) marks_.note_change();  // a scope must not set the cursor back behind the tool's or the checks' back
  if (checked_) published_.store(cursor, std::memory_order_relaxed);
}

std::size_t arena::array_bytes(std::size_t count, std::size_t size, std::size_t alignment) const {
  std::size_t bytes = 0;
  if (!checked_multiply(count, size, bytes)) fail(memory_errc::size_overflow, {max_object_bytes, alignment});
  return bytes;
}

bool arena::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes, std::size_t alignment) noexcept {
  attend();
  if (!expand_untold(p, old_bytes, new_bytes)) return false;
  tell(memory_event_kind::expand, p, old_bytes, alignment, new_bytes);
  return true;
}

bool arena::expand_untold(void* p, std::size_t old_bytes, std::size_t new_bytes) noexcept {
  old_bytes = std::max<std::size_t>(old_bytes, 1);
  new_bytes = std::max<std::size_t>(new_bytes, 1);
  auto* const start = static_cast<std::byte*>(p);
  if (checked_ && !fences_.may_be_live(find_block(p), p, old_bytes)) return false;
  const bool newest = is_newest(p, old_bytes);
  if (new_bytes > old_bytes) {
    if (!newest) return false;
    const request wanted = fitting(set_apart({new_bytes, 1}), {new_bytes, 1});
    const auto behind = static_cast<std::size_t>(cursor_ - start);
    std::size_t total = 0;
    if (!checked_add(new_bytes, wanted.gap, total) || total > max_object_bytes) return false;
    if (total > behind && total - behind > static_cast<std::size_t>(end_ - cursor_) && !extend(total - behind))
      return false;
    move_end(start, old_bytes, new_bytes, std::max(start + total, cursor_));  // a mark may have kept room behind it
    // Not before: what is handed out has no value any more, and the block's fence was read.
    if (tool_) memory_tools::hand_out(start + old_bytes, new_bytes - old_bytes);
    return true;
  }
  const request kept = fitting(set_apart({new_bytes, 1}), {new_bytes, 1});
  std::byte* const end = start + new_bytes + kept.gap;
  if (tool_) memory_tools::poison(start + new_bytes, old_bytes - new_bytes);
  const bool gives_back =
      newest && end < cursor_ && marks_.none_above(static_cast<std::size_t>(address_of(end) - origin_));
  if (gives_back) high_ = std::max(high_, cursor_);
  move_end(start, old_bytes, new_bytes, gives_back ? end : cursor_);
  return true;
}

/// A live block has another size from now on, and the cursor is at `cursor`.
void arena::move_end(std::byte* p, std::size_t old_bytes, std::size_t new_bytes, std::byte* cursor) noexcept {
  if (checked_) renew_fence(p, old_bytes, new_bytes, cursor);
  if (cursor != cursor_) set_cursor(cursor);
}

void arena::renew_fence(std::byte* p, std::size_t old_bytes, std::size_t new_bytes, const std::byte* cursor) noexcept {
  const block_info region = find_block(p);
  if (cursor == cursor_) {
    fences_.resize(region, p, old_bytes, new_bytes);
  } else {
    fences_.move(region, p, old_bytes, new_bytes, static_cast<std::size_t>(address_of(cursor) - origin_));
  }
}

bool arena::is_newest(const void* p, std::size_t bytes) const noexcept {
  if (!range_contains(first_, static_cast<std::size_t>(cursor_ - first_), p, bytes)) return false;
  const std::byte* const end = static_cast<const std::byte*>(p) + bytes;
  if (end == cursor_) return true;
  if (checked_) return fences_.is_newest(p, bytes, cursor_);
  return redzones_ && static_cast<std::size_t>(cursor_ - end) == memory_tools::redzone;
}

bool arena::deallocate_watched(void* p, std::size_t bytes, std::size_t alignment) {
  if (limit_.load(std::memory_order_relaxed) == nullptr || tap_.log_changed()) notice_sinks();
  tell(memory_event_kind::deallocate, p, bytes, alignment);
  bytes = std::max<std::size_t>(bytes, 1);
  if (checked_) {
    if (const auto wrong = fences_.free(find_block(p), p, bytes, alignment)) {
      report_found(*wrong);
      return false;
    }
  }
  if (tool_) memory_tools::poison(p, bytes);
  return true;
}

// ---- going back

void arena::give_up(std::size_t position, memory_event_kind kind) {
  const std::size_t before = this->position();
  const bool down = position < before;
  const auto overrun = down && checked_ ? fences_.drop(position) : std::nullopt;
  if (down) {
    high_ = std::max(high_, cursor_);
    lower(position);
    marks_.note_lowering(position, checked_);
    settle_marks();
  }
  if (kind != memory_event_kind::deallocate) tell(kind, cursor_, before - this->position());
  if (overrun) report_found(*overrun);
}

void arena::pop(std::size_t bytes) {
  attend();
  if (bytes > position()) {
    report_misuse({misuse_kind::invalid_position, name(), nullptr, bytes, position()});
    return;
  }
  pop_to(position() - bytes);
}

void arena::pop_to(std::size_t position) {
  attend();
  if (position > this->position()) {
    report_misuse({misuse_kind::invalid_position, name(), nullptr, position, this->position()});
    return;
  }
  if (may_go_back(position, true)) give_up(position, memory_event_kind::pop);
}

void arena::clear() {
  attend();
  if (may_go_back(0, true)) give_up(0, memory_event_kind::clear);
}

bool arena::may_go_back(std::size_t position, bool report) const {
  const std::size_t taken = sub_arenas_end();
  if (taken <= position) return true;
  if (report) report_misuse({misuse_kind::live_sub_arena, name(), nullptr, position, taken});
  return false;
}

void arena::rewind(const arena_mark& mark) {
  attend();
  if (!marks_.is_good(mark)) {
    report_misuse({misuse_kind::stale_mark, name(), nullptr, mark.position(), position()});
  } else if (may_go_back(mark.position(), true)) {
    give_up(mark.position(), memory_event_kind::rewind);
  }
}

bool arena::try_rewind(const arena_mark& mark) noexcept {
  attend();
  if (!marks_.is_good(mark) || !may_go_back(mark.position(), false)) return false;
  give_up(mark.position(), memory_event_kind::rewind);
  return true;
}

/// A scope's end when more than closed scopes came since its start. `position` is where it leaves the arena: at its
/// start or above.
void arena::close_scope_slow(std::size_t start, std::size_t floor, std::uint64_t clock, std::size_t position) {
  attend();
  const mark_book::scope_start begun{clock, floor, start};
  if (!marks_.is_good(begun)) {
    report_misuse({misuse_kind::stale_mark, name(), nullptr, start, this->position()});
    return;
  }
  const bool last = marks_.only_scopes_since(begun);
  if (may_go_back(position, true)) give_up(position, memory_event_kind::rewind);
  if (last) marks_.restore(begun);
  settle_marks();
}

/// The scope's own mark is gone; when no other was taken since, what held before holds again.
void arena::keep_scope(std::size_t start, std::size_t floor, std::uint64_t clock) noexcept {
  const mark_book::scope_start begun{clock, floor, start};
  attend();
  if (marks_.only_scopes_since(begun)) marks_.restore(begun);
  settle_marks();
}

void arena::restart(bool memory_is_there) {
  const auto overrun = memory_is_there ? fences_.drop(0) : std::nullopt;
  fences_.clear();
  marks_.forget(checked_);
  high_ = nullptr;
  peak_ = 0;
  if (overrun) report_found(*overrun);
}

// ---- looking inside

std::size_t arena::peak() const noexcept {
  const std::size_t here = high_ != nullptr ? static_cast<std::size_t>(address_of(high_) - origin_) : 0;
  return std::max({peak_, here, position()});
}

bool arena::window_is_sound() const noexcept {
  const std::byte* const limit = limit_.load(std::memory_order_relaxed);
  return first_ <= cursor_ && cursor_ <= end_ && (limit == nullptr || (limit == end_ && !watched_)) &&
         position() >= static_cast<std::size_t>(cursor_ - first_) && (!checked_ || fences_.check(position()));
}

void arena::check_alignment(std::size_t alignment, const request& wanted) const {
  if (is_power_of_two(alignment)) return;
  report_misuse({misuse_kind::invalid_alignment, name(), nullptr, alignment});
  fail(memory_errc::invalid_alignment, wanted);
}

void arena::report_found(misuse_report found) const {
  found.resource = name();
  report_misuse(found);
}

void arena::fail(memory_errc code, const request& wanted, std::size_t limit, int os_code) const {
  throw allocation_error({code, name(), wanted.bytes, wanted.alignment, limit, os_code});
}

}  // namespace allot
