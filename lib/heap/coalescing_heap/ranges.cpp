#include <algorithm>
#include <allot/core/allocation_error.hpp>
#include <allot/core/growth_report.hpp>
#include <allot/core/log_link.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/os/address_registry.hpp>
#include <new>

#include "blocks.hpp"
#include "request.hpp"

// How ranges come and go, and what they have.

namespace allot {
namespace {

constexpr std::size_t granule = granule_table::granule;
constexpr std::size_t default_reserve = sizeof(void*) >= 8 ? std::size_t{1} << 30 : std::size_t{64} << 20;
constexpr std::size_t largest_page = std::size_t{1} << (sizeof(void*) >= 8 ? 30 : 22);
constexpr std::size_t least_chunk = 512;

heap_options normalized(heap_options options) noexcept {
  const std::size_t page = std::max<std::size_t>(os::facts().page_size, granule);
  const std::size_t wanted = std::clamp(options.page_size, page, largest_page);
  options.page_size = (wanted + page - 1) / page * page;
  // A page's start must be an alignment.
  if (!is_power_of_two(options.page_size)) options.page_size = page;
  options.first_chunk = std::max(options.first_chunk, least_chunk);
  options.largest_chunk = std::max(options.largest_chunk, options.first_chunk);
  options.reserve = options.reserve != 0 ? std::min(options.reserve, max_object_bytes / 4) : default_reserve;
  options.name = {};
  return options;
}

/// What explanations of addresses find it by.
os::address_registry::range all_of(const heap_range& range) noexcept {
  if (range.memory() != nullptr) return {range.memory(), range.held_bytes()};
  return {range.begin(), range.most_granules() * granule};
}

}  // namespace

coalescing_heap::coalescing_heap(const heap_options& options, std::pmr::memory_resource* upstream) noexcept
    : resource(options.name), ranges_(upstream), upstream_(upstream), options_(normalized(options)) {
  watched_ = memory_tools::active();
  behind_ = watched_ ? memory_tools::redzone : options_.checked ? 1 : 0;
  open_short_ways();
}

coalescing_heap::coalescing_heap(void* buffer, std::size_t bytes, const heap_options& options) noexcept
    : coalescing_heap(options, nullptr) {
  in_buffer_ = true;
  buffer_ = buffer;
  buffer_bytes_ = bytes;
  open_short_ways();
  open_buffer();
}

/// What only has to do with sizes has ways of its own.
void coalescing_heap::open_short_ways() noexcept {
  std::size_t granules = max_object_bytes / 2 / granule;
  if (!in_buffer_ && upstream_ == nullptr) granules = std::min(granules, options_.large_threshold / granule);
  if (options_.page_local || behind_ != 0) granules = 0;
  simple_limit_ = granules > 1 ? (granules - 1) * granule : 0;
  plain_limit_ = behind_ == 0 ? max_object_bytes / 2 : 0;
  exact_limit_ = std::min(simple_limit_, (free_index::exact_sizes - 1) * granule);
}

coalescing_heap::~coalescing_heap() {
  const os::address_registry::ending end(*owner_);
  in_buffer_ = false;
  coalescing_heap::release();
}

heap_options coalescing_heap::options() const noexcept {
  heap_options options = options_;
  if (name() != kind()) options.name = name();
  return options;
}

// ---- coming

/// Makes the free end of the newest range hold what is wanted, which may be that of another range then.
void coalescing_heap::obtain(const request& wanted) {
  const growth_report report(*this, wanted.bytes, wanted.alignment, [this] { return usage().committed; });
  os::status outcome{memory_errc::limit_reached, 0};
  if (newest_ != nullptr) outcome = grow_newest(wanted.place(*newest_, top_) + wanted.granules);
  if (outcome) return;
  if (outcome.error == memory_errc::limit_reached && !in_buffer_) {
    if (upstream_ != nullptr) return add_chunk(wanted);
    outcome = add_reservation(wanted);
    if (outcome) return;
  }
  throw allocation_error({outcome.error, name(), wanted.bytes, wanted.alignment, buffer_bytes_, outcome.os_code});
}

/// Until it has so many granules.
os::status coalescing_heap::grow_newest(std::size_t granules) noexcept {
  if (granules > newest_->most_granules()) return {memory_errc::limit_reached, 0};
  const os::status outcome = newest_->grow(granules);
  if (outcome) set_top(top_);
  return outcome;
}

/// What the upstream refuses is tried for with half the size, down to what is wanted.
void coalescing_heap::add_chunk(const request& wanted) {
  const std::size_t least = heap_range::bytes_for(wanted.enough());
  if (least > max_object_bytes)
    throw allocation_error({memory_errc::size_overflow, name(), wanted.bytes, wanted.alignment, max_object_bytes});
  std::size_t held = 0;
  for (std::size_t i = 0; i < ranges_.size(); ++i) held += ranges_[i].held_bytes();
  std::size_t bytes = std::max(std::clamp(held, options_.first_chunk, options_.largest_chunk), least);
  bytes = std::min(bytes, max_object_bytes);  // more some upstreams do not notice that they cannot serve
  void* memory = nullptr;
  for (;;) {
    try {
      memory = upstream_->allocate(bytes, alignof(std::max_align_t));
      break;
    } catch (const std::bad_alloc&) {
      if (bytes == least) throw;
    }
    bytes = std::max(bytes / 2, least);
  }
  heap_range* const made = heap_range::make_in(memory, bytes, watched_);
  try {
    if (made == nullptr) throw allocation_error({memory_errc::out_of_memory, name(), wanted.bytes, wanted.alignment});
    ranges_.make_room();
  } catch (...) {
    if (made != nullptr) heap_range::drop(*made);
    upstream_->deallocate(memory, bytes, alignof(std::max_align_t));
    throw;
  }
  add_range(*made);
}

os::status coalescing_heap::add_reservation(const request& wanted) noexcept {
  commit_ladder ladder;
  ladder.page_size = options_.page_size;
  ladder.huge_pages = options_.huge_pages;
  if (options_.commit_step != 0) {
    ladder.policy = commit_policy::fixed_step;
    ladder.fixed_step = options_.commit_step;
  }
  const std::size_t least = wanted.enough() * granule;
  heap_range* made = nullptr;
  os::status outcome = heap_range::make_reserved(std::max(options_.reserve, least), least, ladder, watched_, made);
  if (!outcome) return outcome;
  outcome = made->grow(wanted.place(*made, 0) + wanted.granules);
  try {
    if (outcome) ranges_.make_room();
  } catch (const allocation_error& refusal) {
    outcome = {refusal.code(), refusal.os_code()};
  }
  if (!outcome) {
    heap_range::drop(*made);
    return outcome;
  }
  add_range(*made);
  return {};
}

/// A range in which no granule is in use.
void coalescing_heap::add_range(heap_range& range) noexcept {
  if (newest_ != nullptr && top_ != newest_->granules()) insert_free(*newest_, top_, newest_->granules() - top_);
  ranges_.add(range);
  newest_ = &range;
  set_top(0);
  const os::address_registry::range all = all_of(range);
  (void)os::address_registry::add({all.begin, all.bytes, owner_, owner_->kind(), shared_});
}

void coalescing_heap::open_buffer() noexcept {
  if (heap_range* const range = heap_range::make_in(buffer_, buffer_bytes_, watched_); range != nullptr)
    add_range(*range);
}

// ---- going

std::size_t coalescing_heap::trim() noexcept {
  if (in_buffer_) return 0;
  const std::size_t before = usage().committed;
  for (std::size_t i = ranges_.size(); i-- > 0;) {
    const granule_table& table = ranges_[i].table();
    const std::size_t granules = ranges_[i].granules();
    if (granules == 0 || (!table.is_used(0) && table.size_at(0) == granules)) drop_range(ranges_[i]);
  }
  for (std::size_t i = 0; i < ranges_.size(); ++i)
    if (ranges_[i].is_reserved()) trim_range(ranges_[i]);
  dropped_pages_ = false;
  for (std::size_t i = 0; i < ranges_.size(); ++i) dropped_pages_ = dropped_pages_ || ranges_[i].has_dropped_pages();
  const std::size_t given_back = before - usage().committed;
  log_link::tell({memory_event_kind::trim, nullptr, given_back, 0, 0, name()});
  return given_back;
}

void coalescing_heap::trim_range(heap_range& range) noexcept {
  for (std::size_t at = 0; at < range.granules();) {
    const std::size_t granules = range.table().size_at(at);
    const bool top = &range == newest_ && at == top_;
    if (top && granules * granule >= options_.decommit_threshold) {
      range.shrink(at);
      set_top(at);
      return;
    }
    if (!range.table().is_used(at)) (void)range.drop_pages(at, granules, options_.decommit_threshold);
    at += granules;
  }
}

/// Ends a range in which nothing is in use.
void coalescing_heap::drop_range(heap_range& range) noexcept {
  if (&range != newest_) {
    index_.remove(range.node_of(0), range.granules());
  } else {
    newest_ = nullptr;
    top_ = 0;
  }
  ranges_.remove(range);
  give_back(range);
  if (newest_ != nullptr || ranges_.empty()) return;
  // Another one's free end is to come last now.
  newest_ = &ranges_[ranges_.size() - 1];
  const std::size_t end = newest_->granules();
  const granule_table::block last = newest_->table().before(end);
  if (!last.used) index_.remove(newest_->node_of(last.start), end - last.start);
  top_ = last.used ? end : last.start;
}

void coalescing_heap::give_back(heap_range& range) noexcept {
  void* const memory = range.memory();
  const std::size_t bytes = range.held_bytes();
  os::address_registry::remove(all_of(range).begin, owner_);
  heap_range::drop(range);
  if (memory != nullptr && upstream_ != nullptr) upstream_->deallocate(memory, bytes, alignof(std::max_align_t));
}

void coalescing_heap::release() noexcept {
  if (ranges_.size() != 0) log_link::tell({memory_event_kind::release, nullptr, 0, 0, 0, name()});
  for (std::size_t i = 0; i < ranges_.size(); ++i) give_back(ranges_[i]);
  ranges_.clear();
  index_.clear();
  newest_ = nullptr;
  top_ = used_ = peak_ = 0;
  dropped_pages_ = false;
  if (in_buffer_) open_buffer();
}

}  // namespace allot
