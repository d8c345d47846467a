#include <algorithm>
#include <allot/core/block_sight.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/size_classes.hpp>
#include <allot/general/general_tiers.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/os/virtual_memory.hpp>
#include <limits>
#include <mutex>
#include <type_traits>

namespace allot {
namespace {

constexpr std::size_t least_drop_step = std::size_t{4} << 20;

/// For pools that have no lock.
struct no_lock {
  ~no_lock() {}  // as locks do, so that none is taken for unused
};
no_lock lock_heap_of(pool_resource&) noexcept { return {}; }
std::unique_lock<std::mutex> lock_heap_of(concurrent_pool& pool) { return pool.lock_upstream(); }
bool try_lock_heap_of(pool_resource&) noexcept { return true; }
std::unique_lock<std::mutex> try_lock_heap_of(concurrent_pool& pool) { return pool.try_lock_upstream(); }

block_extent pooled_block_at_hand(const pool_resource& pool, const void* p) { return pool.live_block(p); }
block_extent pooled_block_at_hand(const concurrent_pool& pool, const void* p) { return pool.live_block_at_hand(p); }

heap_options heap_options_of(const general_options& options, std::string_view name) noexcept {
  heap_options heap;
  heap.reserve = options.reserve;
  heap.huge_pages = options.huge_pages;
  heap.large_threshold = options.large_threshold;
  heap.name = name;
  heap.checked = options.checked;
  return heap;
}

pool_options pool_options_of(const general_options& options, std::string_view name) noexcept {
  pool_options pool;
  pool.largest_required_pool_block = options.small_limit;
  pool.spacing = size_spacing::eight_per_doubling;
  pool.fewest_in_magazine = 2;
  pool.magazine_bytes = std::size_t{8} << 10;
  pool.largest_slab = std::size_t{4} << 10;   // so that they become empty, and other sizes have their memory
  pool.largest_chunk = std::size_t{1} << 20;  // so that chunks come back to the heap
  pool.returns = chunk_return::at_once;
  pool.name = name;
  pool.checked = options.checked;
  return pool;
}

/// What the parts of one without a name report misuse under.
template <class Pool>
constexpr std::string_view name_of_parts = "general_resource";
template <>
constexpr std::string_view name_of_parts<concurrent_pool> = "concurrent_general_resource";

template <class Pool>
constexpr std::size_t default_small_limit = 512;
template <>
constexpr std::size_t default_small_limit<concurrent_pool> = std::size_t{8} << 10;

general_options normalized(general_options options, std::size_t small_limit) noexcept {
  if (options.small_limit == 0) options.small_limit = small_limit;
  options.large_threshold = std::max(options.large_threshold, 2 * medium_cache::largest);  // what is at hand is medium
  options.small_limit = std::clamp(options.small_limit, size_classes::smallest, size_classes::largest);
  options.name = {};
  return options;
}

}  // namespace

template <class Pool>
general_tiers<Pool>::general_tiers(const general_options& options, std::pmr::memory_resource* upstream) noexcept
    : resource(options.name),
      options_(normalized(options, default_small_limit<Pool>)),
      heap_(heap_options_of(options_, options.name.empty() ? name_of_parts<Pool> : options.name), upstream),
      pool_(pool_options_of(options_, options.name.empty() ? name_of_parts<Pool> : options.name), &heap_of_pool_) {
  heap_.be_part_of(*this, std::is_same_v<Pool, concurrent_pool>);
  pool_.be_part();
  small_limit_ = options_.small_limit;
  caches_ = !options_.checked && !memory_tools::active();
  // Pages are ours to give back where the reservations are; a tool's poison lies on them.
  const bool drops = upstream == nullptr && !memory_tools::active();
  next_drop_ = drops ? least_drop_step : std::numeric_limits<std::size_t>::max();
  // A tool has the pool round up further.
  if (memory_tools::active()) small_limit_ -= std::min(small_limit_, memory_tools::redzone);
}

template <class Pool>
general_tiers<Pool>::~general_tiers() = default;

template <class Pool>
void general_tiers<Pool>::end() noexcept {
  const os::address_registry::ending end(*this);
  general_tiers::release();
}

template <class Pool>
general_options general_tiers<Pool>::options() const noexcept {
  general_options options = options_;
  if (name() != kind()) options.name = name();
  return options;
}

// ---- blocks

template <class Pool>
void* general_tiers<Pool>::heap_of_pool::do_allocate(std::size_t bytes, std::size_t alignment) {
  try {
    return tiers_.heap_.allocate(bytes, alignment);
  } catch (const std::bad_alloc&) {
    if (tiers_.cache_.bytes() == 0) throw;
  }
  tiers_.cache_.empty_into(tiers_.heap_);
  return tiers_.heap_.allocate(bytes, alignment);
}

template <class Pool>
void general_tiers<Pool>::heap_of_pool::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  tiers_.heap_.deallocate(p, bytes, alignment);
}

template <class Pool>
void* general_tiers<Pool>::allocate_larger(std::size_t bytes, std::size_t alignment) {
  if (bytes == 0 && is_small(1, alignment)) return pool_.allocate(1, alignment);
  void* p = nullptr;
  bool grown = false;
  try {
    p = allocate_locked(bytes, alignment, grown);
  } catch (const std::bad_alloc&) {
    if (!is_worth_another_try(bytes, alignment)) throw;
    gather_memory();
    p = allocate_locked(bytes, alignment, grown);
  }
  if (grown) drop_unused_pages();
  return p;
}

template <class Pool>
void* general_tiers<Pool>::allocate_locked(std::size_t bytes, std::size_t alignment, bool& grown) {
  const auto lock = lock_heap_of(pool_);
  void* p = take_cached(bytes, alignment);
  if (p != nullptr) return p;
  p = heap_.allocate(rounded(bytes, alignment), alignment);
  const std::size_t there = block_bytes(bytes, alignment);
  bytes_of_tier(there) += there;
  const std::size_t used = heap_.used_bytes();
  grown = used >= next_drop_;
  if (grown) next_drop_ = used + std::max(least_drop_step, used / 8);
  return p;
}

/// Whether a refusal may be for want of what is free in the other tiers.
template <class Pool>
bool general_tiers<Pool>::is_worth_another_try(std::size_t bytes, std::size_t alignment) const noexcept {
  if (!is_power_of_two(alignment)) return false;
  const auto lock = lock_heap_of(pool_);
  return bytes <= heap_.used_bytes() + heap_.available();
}

/// Gives the heap what is at hand, and what the pool has free.
template <class Pool>
void general_tiers<Pool>::gather_memory() noexcept {
  (void)pool_.trim();
  const auto lock = lock_heap_of(pool_);
  cache_.empty_into(heap_);
}

/// A heap that grows, while pools have memory that they no longer use, need not take more from the system for it.
template <class Pool>
void general_tiers<Pool>::drop_unused_pages() noexcept {
  const std::size_t page = os::facts().page_size;
  pool_.for_each_unused([page](const block_info& unused) {
    const std::uintptr_t begin = address_of(unused.begin);
    const std::size_t gap = padding_for(begin, page);
    if (unused.bytes < gap + page) return;
    auto* const first = static_cast<std::byte*>(const_cast<void*>(unused.begin)) + gap;
    (void)os::zero_pages(first, align_down(unused.bytes - gap, page), os::access::read_write);
  });
}

template <class Pool>
void general_tiers<Pool>::deallocate_larger(void* p, std::size_t bytes, std::size_t alignment) {
  if (bytes == 0 && is_small(1, alignment)) return pool_.deallocate(p, 1, alignment);
  const auto lock = lock_heap_of(pool_);
  if (is_cached(bytes, alignment)) {
    if (put_cached(p, bytes, alignment)) return;
    cache_.fit_to(heap_.used_bytes());
    cache_.make_room(medium_cache::rounded(bytes), heap_);
    if (put_cached(p, bytes, alignment)) return;
    medium_bytes_ -= medium_cache::rounded(bytes);
    return heap_.deallocate(p, medium_cache::rounded(bytes), alignment);
  }
  const std::size_t before = heap_.used_bytes();
  heap_.deallocate(p, bytes, alignment);
  if (heap_.used_bytes() == before) return;  // it was misuse
  const std::size_t there = block_bytes(bytes, alignment);
  bytes_of_tier(there) -= there;
  if (there < options_.large_threshold || options_.return_after == 0) return;
  freed_ += there;
  if (freed_ < std::max(options_.return_after, large_bytes_)) return;
  freed_ = 0;
  cache_.empty_into(heap_);
  (void)heap_.trim();
}

template <class Pool>
bool general_tiers<Pool>::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                     std::size_t alignment) noexcept {
  if (is_small(old_bytes, alignment) != is_small(new_bytes, alignment)) return false;
  if (is_small(old_bytes, alignment)) return pool_.try_expand(p, old_bytes, new_bytes, alignment);
  if (old_bytes == 0 || new_bytes == 0) return old_bytes == new_bytes;
  const auto lock = lock_heap_of(pool_);
  if (!heap_.try_expand(p, rounded(old_bytes, alignment), rounded(new_bytes, alignment), alignment)) return false;
  const std::size_t before = block_bytes(old_bytes, alignment);
  const std::size_t after = block_bytes(new_bytes, alignment);
  bytes_of_tier(before) -= before;
  bytes_of_tier(after) += after;
  return true;
}

// ---- giving back

template <class Pool>
void general_tiers<Pool>::release() noexcept {
  cache_.forget();
  pool_.abandon();
  heap_.release();
  medium_bytes_ = large_bytes_ = freed_ = 0;
  if (next_drop_ != std::numeric_limits<std::size_t>::max()) next_drop_ = least_drop_step;
}

template <class Pool>
std::size_t general_tiers<Pool>::trim() noexcept {
  gather_memory();
  const auto lock = lock_heap_of(pool_);
  freed_ = 0;
  return heap_.trim();
}

// ---- looking inside

template <class Pool>
general_statistics general_tiers<Pool>::statistics() const noexcept {
  general_statistics now;
  now.small_tier.largest_request = small_limit_;
  now.medium_tier.largest_request = std::max(options_.large_threshold, small_limit_ + 1) - 1;
  now.large_tier.largest_request = max_object_bytes;
  for (const pool_bin& bin : pool_.bins()) {
    now.small_tier.live_blocks += bin.live;
    now.small_tier.live_bytes += bin.live * bin.block_bytes;
  }
  now.small_tier.held_bytes = pool_.usage().reserved;
  for_each_larger([&](const block_info& block) {
    ++(block.bytes < options_.large_threshold ? now.medium_tier : now.large_tier).live_blocks;
  });
  now.medium_tier.live_bytes = now.medium_tier.held_bytes = medium_bytes_;
  now.large_tier.live_bytes = now.large_tier.held_bytes = large_bytes_;
  return now;
}

/// No lock: the pool takes its own, and nobody else may call anything now.
template <class Pool>
void general_tiers<Pool>::for_each_larger(block_visitor visitor) const {
  heap_.for_each_block([&](const block_info& block) {
    if (block.state == block_state::used && !pool_.owns(block.begin) && !cache_.holds(block.begin)) visitor(block);
  });
}

template <class Pool>
std::size_t general_tiers<Pool>::available() const noexcept {
  const std::size_t small = pool_.available();
  const auto lock = lock_heap_of(pool_);
  return small + cache_.bytes() + heap_.available();
}

template <class Pool>
memory_usage general_tiers<Pool>::usage() const noexcept {
  const memory_usage small = pool_.usage();
  const auto lock = lock_heap_of(pool_);
  memory_usage now = heap_.usage();
  now.used = small.used + medium_bytes_ + large_bytes_;
  now.wasted += small.wasted;
  return now;
}

template <class Pool>
bool general_tiers<Pool>::owns(const void* p) const noexcept {
  const auto lock = lock_heap_of(pool_);
  return heap_.owns(p);
}

template <class Pool>
block_info general_tiers<Pool>::find_block(const void* p) const noexcept {
  if (pool_.owns(p)) return pool_.find_block(p);
  const auto lock = lock_heap_of(pool_);
  block_info found = heap_.find_block(p);
  if (cache_.holds(found.begin)) found.state = block_state::free;
  return found;
}

/// Without looking at the heap first only what is certain to be the pool's.
template <class Pool>
block_extent general_tiers<Pool>::live_block(const void* p) const noexcept {
  block_extent found = pooled_block_at_hand(pool_, p);
  if (!ALLOT_LIKELY(found.bytes != 0)) {
    found = live_larger(p);
    if (found.bytes != 0) return found;
    found = pool_.live_block(p);
  }
  found.bytes = std::min(found.bytes, small_limit_);
  return found;
}

/// Of the heap. What was rounded, and which tier a size belongs to, depends on the alignment.
template <class Pool>
block_extent general_tiers<Pool>::live_larger(const void* p) const noexcept {
  const auto lock = lock_heap_of(pool_);
  block_extent found = heap_.live_block(p);
  if (found.bytes == 0) return {};
  if (is_cached(found.bytes, 1)) {
    if (medium_cache::rounded(found.bytes) != found.bytes)
      found.alignment = 2 * granule_table::granule;
    else if (cache_.holds(p, found.bytes))
      return {};
  }
  while (is_small(found.bytes, found.alignment)) found.alignment *= 2;
  return found;
}

template <class Pool>
bool general_tiers<Pool>::try_look_at(const void* p, block_sight& seen) const noexcept {
  block_sight larger;
  {
    const auto lock = try_lock_heap_of(pool_);
    if (!lock) return false;
    larger.block = heap_.find_block(p);
    larger.state = larger.block.begin != nullptr ? larger.block.state : block_state::gap;
    if (larger.state == block_state::used && cache_.holds(larger.block.begin)) larger.state = block_state::free;
  }
  block_sight small;
  if (!pool_.try_look_at(p, small)) return false;
  seen = small.block.begin != nullptr ? small : larger;
  return true;
}

template <class Pool>
void general_tiers<Pool>::for_each_block(block_visitor visitor) const {
  pool_.for_each_block(visitor);
  for_each_larger(visitor);
  heap_.for_each_block([&](block_info block) {
    if (block.state == block_state::used && !cache_.holds(block.begin)) return;
    block.state = block_state::free;
    visitor(block);
  });
}

template <class Pool>
bool general_tiers<Pool>::check() const noexcept {
  if (!pool_.check()) return false;
  const auto lock = lock_heap_of(pool_);
  return heap_.check();
}

template class general_tiers<pool_resource>;
template class general_tiers<concurrent_pool>;

}  // namespace allot
