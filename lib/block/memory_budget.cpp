#include <algorithm>
#include <allot/block/memory_budget.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/memory_limits.hpp>
#include <array>
#include <cstdlib>
#include <new>
#include <type_traits>

namespace allot {

/// A line of the report, and who it is about while that lives. Lines never go away.
struct memory_budget::entry {
  budget_line history;  // without what the live slice or sub-budget has counted since
  budget_slice* slice = nullptr;
  memory_budget* child = nullptr;

  bool is_for(const request& wanted) const noexcept {
    return history.part == wanted.part && std::string_view(history.name) == fixed_text<31>(wanted.name);
  }

  budget_line now() const noexcept {
    budget_line seen = history;
    seen.live = slice != nullptr || child != nullptr;
    if (slice != nullptr) {
      seen.used = slice->used();
      seen.high_water = std::max(seen.high_water, slice->high_water());
      seen.refused += slice->refused();
    }
    if (child != nullptr) {
      const std::lock_guard lock(child->mutex_);
      seen.used = child->permanent_.state.taken + child->transient_.state.taken;
      seen.high_water = std::max(seen.high_water, child->most_taken_);
      seen.refused += child->refused_;
    }
    return seen;
  }

  void close() noexcept {
    history = now();
    history.live = false;
    slice = nullptr;
    child = nullptr;
  }
};

namespace {

constexpr std::size_t books_bytes = std::size_t{1} << 20;

bool whole_pages(std::size_t bytes, std::size_t& rounded) noexcept {
  return checked_align_up(bytes, os::facts().page_size, rounded) && rounded <= max_object_bytes;
}

struct obstacle {
  budget_limit limit = budget_limit::system;
  std::size_t available = budget_error::unknown;
};

/// What a limit is compared with.
struct demand {
  budget_limit limit;
  os::memory_limit has;
  std::size_t wanted;
};

template <std::size_t Count>
obstacle tightest(const std::array<demand, Count>& demands) noexcept {
  obstacle found;
  for (const demand& each : demands)
    if (each.has.left < each.wanted && each.has.left < found.available) found = {each.limit, each.has.left};
  return found;
}

/// What two regions want of the system.
struct needs {
  std::size_t bytes;   ///< of memory
  std::size_t mapped;  ///< of address space
  static constexpr std::size_t mappings = 16;

  static needs of(std::size_t permanent, std::size_t transient) noexcept {
    constexpr std::size_t extra_pages = 6;  // guards, and the least the books take
    const std::size_t bytes = permanent + transient;
    return {bytes, bytes + extra_pages * os::facts().page_size};
  }
};

/// Which limit does not leave as much as is wanted.
obstacle foresee(const needs& wanted) noexcept {
  const os::process_limits limits = os::memory_limits();
  const obstacle found = tightest(std::array{
      demand{budget_limit::address_space, limits.address_space, wanted.mapped},
      demand{budget_limit::data, limits.data, wanted.mapped},
      demand{budget_limit::control_group, limits.control_group, wanted.bytes},
      demand{budget_limit::physical_memory, limits.physical, wanted.bytes},
  });
  if (found.limit != budget_limit::system || limits.mappings.left >= needs::mappings) return found;
  return {budget_limit::map_count, limits.mappings.left};
}

/// Which limit made the system refuse. A control group refuses no mapping, only pages that are to be filled.
obstacle explain(const needs& wanted, const os::status& outcome, bool filling) noexcept {
  const os::process_limits limits = os::memory_limits();
  if (outcome.error == memory_errc::map_limit) return {budget_limit::map_count, limits.mappings.left};
  if (outcome.error != memory_errc::out_of_memory) return {};
  const os::memory_limit group = filling ? limits.control_group : os::memory_limit{};
  const obstacle found = tightest(std::array{
      demand{budget_limit::address_space, limits.address_space, wanted.mapped},
      demand{budget_limit::data, limits.data, wanted.mapped},
      demand{budget_limit::control_group, group, wanted.bytes},
  });
  if (found.limit != budget_limit::system) return found;
  return tightest(std::array{demand{budget_limit::physical_memory, limits.physical, wanted.bytes}});
}

}  // namespace

// ---- start and end

memory_budget::memory_budget(const memory_budget_options& options) : options_(options) {
  take_options();
  request whole{budget_part::permanent, {}, 0, 0};  // not a part: without a name
  if (!checked_add(options.permanent, options.transient, whole.bytes)) whole.bytes = budget_error::unknown;
  if (os::facts().page_size == 0)
    fail(whole, budget_limit::system, budget_error::unknown, {memory_errc::page_size_unknown, 0});
  std::size_t permanent = 0;
  std::size_t transient = 0;
  const bool possible = whole.bytes <= max_object_bytes / 2 && whole_pages(options.permanent, permanent) &&
                        whole_pages(options.transient, transient);
  if (!possible) fail(whole, budget_limit::address_width, max_object_bytes / 2);

  const needs needed = needs::of(permanent, transient);
  whole.bytes = needed.bytes;
  if (options.check_available) {
    const obstacle found = foresee(needed);
    if (found.limit != budget_limit::system) fail(whole, found.limit, found.available);
  }
  if (const os::status outcome = map_regions(permanent, transient); !outcome) {
    permanent_block_ = page_block();  // what is left is to be seen without them
    transient_block_ = page_block();
    const obstacle found = explain(needed, outcome, options.prefault);
    fail(whole, found.limit, found.available, outcome);
  }
}

memory_budget::memory_budget(memory_budget& parent, const memory_budget_options& options) : options_(options) {
  take_options();
  const std::size_t page = os::facts().page_size;
  std::size_t permanent = 0;
  std::size_t transient = 0;
  request wanted{budget_part::sub_budget, name_, 0, page};
  if (!whole_pages(options.permanent, permanent) || !whole_pages(options.transient, transient) ||
      !checked_add(permanent, transient, wanted.bytes)) {
    const budget_region all = parent.permanent_region();
    parent.fail({budget_part::sub_budget, name_, budget_error::unknown, 0}, budget_limit::budget, all.size - all.taken,
                {memory_errc::size_overflow, 0});
  }
  if (const os::status outcome = open_books(); !outcome)
    parent.fail(wanted, budget_limit::system, budget_error::unknown, outcome);

  std::unique_lock lock(parent.mutex_);
  const std::size_t padding = parent.check_room(wanted, lock);
  line_of_parent_ = parent.find_line(wanted);
  permanent_.begin = parent.take(wanted, padding, line_of_parent_);
  permanent_.state.size = permanent;
  transient_.begin = permanent_.begin + permanent;
  transient_.state.size = transient;
  parent_ = &parent;
  parent.lines()[line_of_parent_].child = this;
}

memory_budget::~memory_budget() {
  end_parts(true);
  if (parent_ == nullptr) return;
  const std::lock_guard lock(parent_->mutex_);
  parent_->lines()[line_of_parent_].close();
}

void memory_budget::take_options() noexcept {
  name_ = fixed_text<31>(options_.name.empty() ? std::string_view("memory_budget") : options_.name);
  options_.name = name_;
  if (options_.fallback == nullptr) options_.fallback = std::pmr::get_default_resource();
}

os::status memory_budget::map_regions(std::size_t permanent, std::size_t transient) noexcept {
  os::status outcome = map_region(permanent_block_, permanent_, permanent, " permanent");
  if (outcome) outcome = map_region(transient_block_, transient_, transient, " transient");
  return outcome ? open_books() : outcome;
}

/// With the first pages of them, so that a start that succeeded is good for some hundred names.
os::status memory_budget::open_books() noexcept {
  const std::size_t page = os::facts().page_size;
  const os::status outcome = books_.reserve(books_bytes, page, {page});
  return outcome ? books_.commit(sizeof(entry)) : outcome;
}

os::status memory_budget::map_region(page_block& block, region& part, std::size_t bytes,
                                     std::string_view kind) const noexcept {
  if (bytes == 0) return {};
  page_options options;
  const fixed_text<31> name = fixed_text<31>(std::string_view(name_).substr(0, 21)).append(kind);
  options.name = name;
  options.checked = false;
  os::status outcome;
  block = page_block::try_create(bytes, options, outcome);
  if (!outcome) return outcome;
  if (options_.huge_pages) (void)os::advise(block.data(), bytes, os::advice::huge_pages);
  part.begin = static_cast<std::byte*>(block.data());
  part.state.size = bytes;
  return options_.prefault ? os::populate(part.begin, bytes) : outcome;
}

/// No part knows this budget any more.
void memory_budget::end_parts(bool outlived) noexcept {
  for (std::size_t i = 0; i < line_count_; ++i) {
    entry& books = lines()[i];
    if (budget_slice* const slice = books.slice; slice != nullptr) {
      if (outlived) report_misuse({misuse_kind::outlived_budget, slice->name(), slice->data()});
      books.close();
      slice->go_stale();
    }
    if (memory_budget* const child = books.child; child != nullptr) {
      if (outlived) report_misuse({misuse_kind::outlived_budget, child->name(), child->permanent_.begin});
      books.close();
      child->end_parts(false);
      child->parent_ = nullptr;
      child->permanent_ = child->transient_ = {};
    }
  }
}

// ---- parts

budget_slice memory_budget::permanent(std::string_view name, std::size_t bytes, std::size_t alignment) {
  return make_slice({budget_part::permanent, name, bytes, alignment});
}

budget_slice memory_budget::transient(std::string_view name, std::size_t bytes, std::size_t alignment) {
  return make_slice({budget_part::transient, name, bytes, alignment});
}

budget_slice memory_budget::make_slice(const request& wanted) {
  if (!is_power_of_two(wanted.alignment)) {
    report_misuse({misuse_kind::invalid_alignment, name(), nullptr, wanted.alignment});
    throw allocation_error({memory_errc::invalid_alignment, name(), wanted.bytes, wanted.alignment});
  }
  request named = wanted;
  if (named.name.empty()) named.name = "budget_slice";
  std::unique_lock lock(mutex_);
  const std::size_t padding = check_room(named, lock);
  const std::size_t index = find_line(named);
  std::byte* const begin = take(named, padding, index);
  return budget_slice(*this, wanted.name, begin, wanted.bytes, index);
}

/// The padding before the part, if it may be taken and fits. Otherwise unlocks, hears the handler and throws.
std::size_t memory_budget::check_room(const request& wanted, std::unique_lock<std::mutex>& lock) {
  const region& from = region_of(wanted.part);
  const std::size_t left = from.left();
  const bool sealed = all_sealed_ || (permanent_sealed_ && wanted.part != budget_part::transient);
  if (sealed) {
    lock.unlock();
    fail(wanted, budget_limit::sealed, left);
  }
  const std::size_t padding = padding_for(address_of(from.begin) + from.state.taken, wanted.alignment);
  if (padding <= left && wanted.bytes <= left - padding) return padding;
  ++refused_;
  lock.unlock();
  (void)falls_back({name_, wanted.name, wanted.bytes, wanted.alignment, left});
  fail(wanted, budget_limit::budget, left);
}

/// The line of the part: that of a former one of the name, or a new one. It shows nothing new yet.
std::size_t memory_budget::find_line(const request& wanted) {
  for (std::size_t i = 0; i < line_count_; ++i) {
    const entry& books = lines()[i];
    if (books.slice == nullptr && books.child == nullptr && books.is_for(wanted)) return i;
  }
  const std::size_t needed = (line_count_ + 1) * sizeof(entry);
  if (needed > books_.size()) fail(wanted, budget_limit::names, 0);
  const os::status outcome = books_.commit(needed);
  if (!outcome) fail(wanted, budget_limit::system, budget_error::unknown, outcome);
  entry* const fresh = ::new (lines() + line_count_) entry;
  fresh->history.name = fixed_text<31>(wanted.name);
  fresh->history.part = wanted.part;
  return line_count_++;
}

std::byte* memory_budget::take(const request& wanted, std::size_t padding, std::size_t line_index) noexcept {
  region& from = region_of(wanted.part);
  std::byte* const begin = from.begin + from.state.taken + padding;
  from.state.taken += padding + wanted.bytes;
  from.state.most_taken = std::max(from.state.most_taken, from.state.taken);
  most_taken_ = std::max(most_taken_, permanent_.state.taken + transient_.state.taken);
  budget_line& history = lines()[line_index].history;
  history.bytes = wanted.bytes;
  history.taken += padding + wanted.bytes;
  return begin;
}

void memory_budget::clear_transient() noexcept {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < line_count_; ++i) {
    entry& books = lines()[i];
    if (books.history.part != budget_part::transient) continue;
    budget_slice* const slice = books.slice;
    books.close();
    books.history.taken = books.history.used = 0;
    if (slice != nullptr) slice->go_stale();
  }
  if (memory_tools::active()) memory_tools::unpoison(transient_.begin, transient_.state.taken);
  transient_.state.taken = 0;
}

void memory_budget::seal(seal_scope scope) noexcept {
  const std::lock_guard lock(mutex_);
  permanent_sealed_ = true;
  all_sealed_ = all_sealed_ || scope == seal_scope::all;
}

void memory_budget::slice_begins(budget_slice& slice) noexcept { lines()[slice.line_].slice = &slice; }

void memory_budget::slice_moved(budget_slice& slice) noexcept {
  const std::lock_guard lock(mutex_);
  slice_begins(slice);
}

void memory_budget::slice_ends(budget_slice& slice) noexcept {
  const std::lock_guard lock(mutex_);
  lines()[slice.line_].close();
}

/// Asks what is to become of a request that does not fit. Comes back unless that is the program's end.
bool memory_budget::falls_back(const overflow_report& overflow) const noexcept {
  const overflow_action action =
      options_.handler != nullptr ? options_.handler(overflow, options_.handler_context) : options_.on_overflow;
  if (action == overflow_action::abort) {
    fixed_text<255> line("allot: ");
    line.append(overflow.budget).append(", ").append(overflow.part).append(": no room for ");
    line.append_decimal(overflow.bytes).append(" bytes aligned to ").append_decimal(overflow.alignment);
    line.append(", available ").append_decimal(overflow.available);
    write_diagnostic(line);
    std::abort();
  }
  return action == overflow_action::fall_back;
}

void memory_budget::fail(const request& wanted, budget_limit limit, std::size_t available,
                         const os::status& outcome) const {
  throw budget_error({limit, name_, wanted.name, wanted.bytes, wanted.alignment, available, outcome});
}

// ---- books

memory_budget::entry* memory_budget::lines() const noexcept {
  static_assert(std::is_trivially_destructible_v<entry>, "lines go with their pages");
  return reinterpret_cast<entry*>(books_.data());
}

bool memory_budget::read_line(std::size_t index, budget_line& found) const noexcept {
  const std::lock_guard lock(mutex_);
  if (index >= line_count_) return false;
  found = lines()[index].now();
  return true;
}

budget_region memory_budget::permanent_region() const noexcept {
  const std::lock_guard lock(mutex_);
  return permanent_.state;
}

budget_region memory_budget::transient_region() const noexcept {
  const std::lock_guard lock(mutex_);
  return transient_.state;
}

std::size_t memory_budget::refused() const noexcept {
  const std::lock_guard lock(mutex_);
  return refused_;
}

}  // namespace allot
