#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/size_classes.hpp>
#include <allot/general/general_tiers.hpp>
#include <mutex>

namespace allot {
namespace {

/// For pools that have no lock.
struct no_lock {
  ~no_lock() {}  // as locks do, so that none is taken for unused
};
no_lock lock_heap_of(pool_resource&) noexcept { return {}; }
std::unique_lock<std::mutex> lock_heap_of(concurrent_pool& pool) { return pool.lock_upstream(); }

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
  pool.largest_chunk = std::size_t{1} << 20;  // so that chunks come back to the heap
  pool.returns = chunk_return::at_once;
  pool.name = name;
  pool.checked = options.checked;
  return pool;
}

general_options normalized(general_options options) noexcept {
  options.small_limit = std::clamp(options.small_limit, size_classes::smallest, size_classes::largest);
  options.name = {};
  return options;
}

}  // namespace

template <class Pool>
general_tiers<Pool>::general_tiers(const general_options& options, std::pmr::memory_resource* upstream,
                                   std::string_view kind) noexcept
    : resource(options.name),
      options_(normalized(options)),
      heap_(heap_options_of(options_, options.name.empty() ? kind : options.name), upstream),
      pool_(pool_options_of(options_, options.name.empty() ? kind : options.name), &heap_) {
  small_limit_ = options_.small_limit;
  // A tool has the pool round up further.
  if (memory_tools::active()) small_limit_ -= std::min(small_limit_, memory_tools::redzone);
}

template <class Pool>
general_tiers<Pool>::~general_tiers() = default;

template <class Pool>
general_options general_tiers<Pool>::options() const noexcept {
  general_options options = options_;
  if (name() != kind()) options.name = name();
  return options;
}

// ---- blocks

template <class Pool>
void* general_tiers<Pool>::allocate_larger(std::size_t bytes, std::size_t alignment) {
  if (bytes == 0 && is_small(1, alignment)) return pool_.allocate(1, alignment);
  const auto lock = lock_heap_of(pool_);
  void* const p = heap_.allocate(bytes, alignment);
  tally& tier = tally_of(bytes);
  ++tier.blocks;
  tier.bytes += bytes;
  return p;
}

template <class Pool>
void general_tiers<Pool>::deallocate_larger(void* p, std::size_t bytes, std::size_t alignment) {
  if (bytes == 0 && is_small(1, alignment)) return pool_.deallocate(p, 1, alignment);
  const auto lock = lock_heap_of(pool_);
  const std::size_t before = heap_.used_bytes();
  heap_.deallocate(p, bytes, alignment);
  if (heap_.used_bytes() == before) return;  // it was misuse
  tally& tier = tally_of(bytes);
  --tier.blocks;
  tier.bytes -= bytes;
  if (&tier != &large_ || options_.return_after == 0) return;
  freed_ += bytes;
  if (freed_ < std::max(options_.return_after, large_.bytes)) return;
  (void)heap_.trim();
  freed_ = 0;
}

template <class Pool>
bool general_tiers<Pool>::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                     std::size_t alignment) noexcept {
  if (is_small(old_bytes, alignment) != is_small(new_bytes, alignment)) return false;
  if (is_small(old_bytes, alignment)) return pool_.try_expand(p, old_bytes, new_bytes, alignment);
  if (old_bytes == 0 || new_bytes == 0) return old_bytes == new_bytes;
  const auto lock = lock_heap_of(pool_);
  if (!heap_.try_expand(p, old_bytes, new_bytes, alignment)) return false;
  tally& from = tally_of(old_bytes);
  --from.blocks;
  from.bytes -= old_bytes;
  tally& to = tally_of(new_bytes);
  ++to.blocks;
  to.bytes += new_bytes;
  return true;
}

// ---- giving back

template <class Pool>
void general_tiers<Pool>::release() noexcept {
  pool_.abandon();
  heap_.release();
  medium_ = large_ = {};
  freed_ = 0;
}

template <class Pool>
std::size_t general_tiers<Pool>::trim() noexcept {
  (void)pool_.trim();
  const auto lock = lock_heap_of(pool_);
  freed_ = 0;
  return heap_.trim();
}

// ---- looking inside

template <class Pool>
general_statistics general_tiers<Pool>::statistics() const noexcept {
  general_statistics now;
  for (const pool_bin& bin : pool_.bins()) {
    now.small.live_blocks += bin.live;
    now.small.live_bytes += bin.live * bin.block_bytes;
  }
  now.small.held_bytes = pool_.usage().reserved;
  const auto lock = lock_heap_of(pool_);
  now.small.largest_request = small_limit_;
  now.medium = {std::max(options_.large_threshold, small_limit_ + 1) - 1, medium_.blocks, medium_.bytes, medium_.bytes};
  now.large = {max_object_bytes, large_.blocks, large_.bytes, large_.bytes};
  return now;
}

template <class Pool>
std::size_t general_tiers<Pool>::available() const noexcept {
  const std::size_t small = pool_.available();
  const auto lock = lock_heap_of(pool_);
  return small + heap_.available();
}

template <class Pool>
memory_usage general_tiers<Pool>::usage() const noexcept {
  const memory_usage small = pool_.usage();
  const auto lock = lock_heap_of(pool_);
  memory_usage now = heap_.usage();
  now.used = small.used + medium_.bytes + large_.bytes;
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
  return heap_.find_block(p);
}

template <class Pool>
void general_tiers<Pool>::for_each_block(block_visitor visitor) const {
  pool_.for_each_block(visitor);
  // No lock: the pool takes its own, and nobody else may call anything now.
  heap_.for_each_block([&](const block_info& block) {
    if (block.state == block_state::used && !pool_.owns(block.begin)) visitor(block);
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
