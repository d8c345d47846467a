#include <allot/block/budget_slice.hpp>
#include <allot/block/memory_budget.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/block_sight.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/address_registry.hpp>
#include <utility>

namespace allot {
namespace {

constexpr char this_class[] = "budget_slice";

}  // namespace

budget_slice::budget_slice(memory_budget& budget, std::string_view name, std::byte* begin, std::size_t size,
                           std::size_t line) noexcept
    : resource(name),
      budget_(&budget),
      line_(line),
      begin_(begin),
      size_(size),
      inline_size_(memory_tools::active() ? 0 : size),
      fallback_(budget.options_.fallback),
      tool_(memory_tools::active()),
      checked_(budget.options_.checked),
      watched_(tool_ || checked_) {
  budget.slice_begins(*this);
  (void)os::address_registry::add({begin_, size_, this, budget_slice::kind()});
}

budget_slice::budget_slice(budget_slice&& other) noexcept
    : resource(other.name() == other.kind() ? std::string_view() : other.name()),
      budget_(other.budget_),
      line_(other.line_),
      begin_(other.begin_),
      size_(other.size_),
      inline_size_(other.inline_size_),
      live_(other.live_),
      fallback_live_(std::exchange(other.fallback_live_, 0)),
      fallback_(other.fallback_),
      position_(other.position()),
      high_(other.high_.load(std::memory_order_relaxed)),
      noted_(other.noted_.load(std::memory_order_relaxed)),
      refused_(other.refused()),
      tool_(other.tool_),
      annotated_(other.annotated_),
      checked_(other.checked_),
      watched_(other.watched_) {
  if (budget_ != nullptr) budget_->slice_moved(*this);
  if (budget_ != nullptr) os::address_registry::hand_over(begin_, &other, *this);
  other.go_stale();
  other.begin_ = nullptr;
  other.size_ = 0;
}

budget_slice::~budget_slice() {
  const os::address_registry::ending end(*this);
  if (budget_ != nullptr) os::address_registry::remove(begin_, this);
  if (budget_ != nullptr) budget_->slice_ends(*this);
}

/// The bytes are not this slice's any more, or never were: nothing in them is touched.
void budget_slice::go_stale() noexcept {
  if (budget_ != nullptr) os::address_registry::remove(begin_, this);
  budget_ = nullptr;
  inline_size_ = 0;
  live_ = 0;
  annotated_ = false;
  lower(0);
  noted_.store(0, std::memory_order_relaxed);
}

// ---- allocation

void* budget_slice::allocate_slow(std::size_t bytes, std::size_t alignment) {
  allocation_failure failure{memory_errc::limit_reached, name(), bytes, alignment, size()};
  if (!is_power_of_two(alignment)) {
    report_misuse({misuse_kind::invalid_alignment, name(), nullptr, alignment});
    failure.code = memory_errc::invalid_alignment;
    throw allocation_error(failure);
  }
  if (!is_current()) {
    if (checked_) report_misuse({misuse_kind::stale_slice, name()});
    failure.code = memory_errc::invalid_block;
    throw allocation_error(failure);
  }
  if (void* const p = take_annotated(bytes, alignment)) return p;
  if (!falls_back(bytes, alignment)) throw allocation_error(failure);
  return take_from_fallback(bytes, alignment);
}

void* budget_slice::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (!is_power_of_two(alignment)) return nullptr;
  if (!is_current()) {
    if (checked_) report_misuse({misuse_kind::stale_slice, name()});
    return nullptr;
  }
  if (void* const p = take_annotated(bytes, alignment)) return p;
  if (!falls_back(bytes, alignment)) return nullptr;
  try {
    return take_from_fallback(bytes, alignment);
  } catch (...) {
    return nullptr;
  }
}

/// As take(), and tells the memory tool, if one watches. The slice may have been used as plain memory until now, so the
/// room is poisoned only with the first block.
void* budget_slice::take_annotated(std::size_t bytes, std::size_t alignment) noexcept {
  bytes = std::max<std::size_t>(bytes, 1);
  void* const p = take(bytes, alignment, size_);
  if (p == nullptr || !tool_) return p;
  if (!annotated_) memory_tools::poison(begin_, size_);
  annotated_ = true;
  memory_tools::hand_out(p, bytes);
  return p;
}

/// Counts a request there is no room for, and asks whether the fallback is to serve it.
bool budget_slice::falls_back(std::size_t bytes, std::size_t alignment) noexcept {
  refused_.store(refused() + 1, std::memory_order_relaxed);
  return budget_->falls_back({budget_->name(), name(), bytes, alignment, available()});
}

void* budget_slice::take_from_fallback(std::size_t bytes, std::size_t alignment) {
  void* const p = fallback_->allocate(bytes, alignment);
  ++fallback_live_;
  return p;
}

void budget_slice::deallocate_slow(void* p, std::size_t bytes, std::size_t alignment) {
  if (fallback_live_ != 0 && offset_of(p) >= size_) {
    --fallback_live_;
    fallback_->deallocate(p, bytes, alignment);
    return;
  }
  bytes = std::max<std::size_t>(bytes, 1);
  if (!may_free(p, bytes, alignment)) return;
  const std::size_t end = position();
  put_back(offset_of(p), bytes);
  if (!tool_) return;
  if (live_ == 0) {
    memory_tools::poison(begin_, end);
  } else {
    memory_tools::poison(p, bytes);
  }
}

/// Whether [p, p + bytes) can be a block of this slice. False: reported where that is due, the call must have no
/// effect.
bool budget_slice::may_free(const void* p, std::size_t bytes, std::size_t alignment) {
  const std::size_t start = offset_of(p);
  const std::size_t end = position();
  misuse_report wrong{misuse_kind::foreign_pointer, name(), p};
  if (!is_current()) {
    if (!checked_) return false;
    wrong.kind = misuse_kind::stale_slice;
  } else if (start >= size_) {
    wrong.kind = misuse_kind::foreign_pointer;
  } else if (start >= end) {  // nothing is handed out there any more
    wrong.kind = misuse_kind::double_free;
  } else if (bytes > end - start) {
    wrong = {misuse_kind::wrong_size, name(), p, bytes, end - start, true, false};
  } else if (checked_ && !is_power_of_two(alignment)) {
    wrong = {misuse_kind::invalid_alignment, name(), p, alignment};
  } else if (checked_ && !is_aligned(p, alignment)) {
    const auto address = static_cast<std::size_t>(address_of(p));
    wrong = {misuse_kind::wrong_alignment, name(), p, alignment, address & (~address + 1)};
  } else {
    return true;
  }
  report_misuse(wrong);
  return false;
}

bool budget_slice::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                              std::size_t /*alignment*/) noexcept {
  const std::size_t start = offset_of(p);
  const std::size_t end = position();
  const std::size_t before = std::max<std::size_t>(old_bytes, 1);
  const std::size_t after = std::max<std::size_t>(new_bytes, 1);
  if (start >= end || before > end - start) return old_bytes == new_bytes;  // of the fallback, for example
  const bool newest = before == end - start;
  if (after > before && (!newest || after > size_ - start)) return false;
  if (newest) lower(start + after);
  if (tool_ && after > before) memory_tools::hand_out(begin_ + start + before, after - before);
  if (tool_ && after < before) memory_tools::poison(begin_ + start + after, before - after);
  return true;
}

void budget_slice::note_used(std::size_t bytes) noexcept {
  bytes = std::min(bytes, size());
  if (bytes > high_.load(std::memory_order_relaxed)) high_.store(bytes, std::memory_order_relaxed);
  noted_.store(bytes, std::memory_order_relaxed);
}

void budget_slice::report_overflow(std::size_t bytes, std::size_t alignment) noexcept {
  if (is_current()) (void)falls_back(bytes, alignment);
}

void budget_slice::release() noexcept {
  if (!is_current()) return;
  live_ = 0;
  lower(0);
  noted_.store(0, std::memory_order_relaxed);
  if (annotated_) memory_tools::unpoison(begin_, size_);
  annotated_ = false;
}

// ---- looking inside

memory_usage budget_slice::usage() const noexcept { return {size(), size(), used(), high_water(), 0}; }

block_info budget_slice::find_block(const void* p) const noexcept {
  if (!owns(p)) return {};
  const std::size_t end = position();
  if (offset_of(p) < end) return {begin_, end, false, block_state::used};
  return {begin_ + end, size_ - end, false, block_state::free};
}

bool budget_slice::try_look_at(const void* p, block_sight& seen) const noexcept {
  if (!owns(p)) return true;
  const std::size_t end = position();
  seen.block = {begin_, end, false, block_state::used};
  seen.state = offset_of(p) < end ? block_state::used : block_state::free;
  seen.all_in_use = true;
  seen.used_before = offset_of(p) >= end && offset_of(p) < high_water();
  return true;
}

void budget_slice::for_each_block(block_visitor visitor) const {
  const std::size_t end = position();
  if (end != 0) visitor({begin_, end, false, block_state::used});
  if (end < size()) visitor({begin_ + end, size() - end, false, block_state::free});
}

bool budget_slice::check() const noexcept {
  const std::size_t end = position();
  return end <= size() && (end == 0) == (live_ == 0) && inline_size_ == (tool_ ? 0 : size()) && high_water() >= end;
}

const void* budget_slice::exact_class() const noexcept { return this_class; }

budget_slice* as_budget_slice(std::pmr::memory_resource* p) noexcept {
  resource* const ours = as_resource(p);
  return ours != nullptr && ours->exact_class() == this_class ? static_cast<budget_slice*>(ours) : nullptr;
}

std::size_t room_without_overflow(std::pmr::memory_resource* from, std::size_t alignment) noexcept {
  const budget_slice* const slice = as_budget_slice(from);
  return slice != nullptr ? slice->surely_available(alignment) : static_cast<std::size_t>(-1);
}

}  // namespace allot
