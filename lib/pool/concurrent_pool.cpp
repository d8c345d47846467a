#include <algorithm>
#include <allot/core/block_sight.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/pool/cache_walk.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <new>
#include <utility>

#include "concurrent_pool/registry.hpp"

namespace allot {
namespace {

constexpr cache_table no_caches{0};
ALLOT_INITIAL_EXEC thread_local const cache_table* this_threads_table = &no_caches;

}  // namespace

const cache_table* current_table() noexcept { return this_threads_table; }
void set_current_table(const cache_table* table) noexcept {
  this_threads_table = table != nullptr ? table : &no_caches;
}

concurrent_pool::concurrent_pool(from_options, const pool_options& options,
                                 std::pmr::memory_resource* upstream) noexcept
    : resource(options.name), core_(options, upstream) {
  core_.belong_to(this, true);
  core_.store().note_chunks(sightings_);
  open();
}

concurrent_pool::~concurrent_pool() {
  const os::address_registry::ending end(*this);
  pool_registry::instance().remove(*this);
  const std::lock_guard lock(mutex_);  // a thread that ends may be giving its blocks back
  drop_caches();
  core_.release();
}

/// Opens the short way where there is to be one.
void concurrent_pool::open() noexcept {
  index_.store(core_.store().started() ? core_.store().sizes().index : nullptr, std::memory_order_release);
  inline_limit_.store(core_.inline_limit(), std::memory_order_release);
}

pool_options concurrent_pool::options() const noexcept {
  return core_.options(name() != kind() ? name() : std::string_view());
}

// ---- caches

/// Calls use(blocks) with the calling thread's magazines and returns what that does; false where it has none.
template <class Use>
ALLOT_ALWAYS_INLINE bool concurrent_pool::with_cache(Use use) const {
  const cache_table& table = *this_threads_table;
  const std::size_t slot = slot_.load(std::memory_order_relaxed);
  if (!ALLOT_LIKELY(slot < table.size)) return false;
  const cache_table::entry& entry = table.entries()[slot];
  return ALLOT_LIKELY(entry.token == token_.load(std::memory_order_relaxed)) && use(*entry.cache);
}

thread_cache* concurrent_pool::cache_of_this_thread() const noexcept {
  thread_cache* found = nullptr;
  (void)with_cache([&](thread_cache& cache) {
    found = &cache;
    return true;
  });
  return found;
}

/// Null where there can be none, or the pool is too small for one.
thread_cache* concurrent_pool::make_cache() noexcept {
  constexpr std::size_t share = 16;
  pool_registry& registry = pool_registry::instance();
  const std::size_t slot = slot_.load(std::memory_order_acquire);
  if (slot == thread_cache::no_slot || !registry.prepare_entry(slot)) return nullptr;
  const std::lock_guard lock(mutex_);
  thread_cache* made = idle_;
  if (made != nullptr) {
    idle_ = made->next;
  } else {
    if (thread_cache::bytes() > core_.held_bytes() / share) return nullptr;
    try {
      void* const memory = upstream_resource()->allocate(thread_cache::bytes(), alignof(std::max_align_t));
      made = ::new (static_cast<std::byte*>(memory) + padding_for(address_of(memory), thread_cache::line)) thread_cache;
      made->memory = memory;
    } catch (...) {
      return nullptr;
    }
    ++cache_count_;
  }
  made->thread = std::this_thread::get_id();
  made->previous = nullptr;
  made->next = caches_;
  if (caches_ != nullptr) caches_->previous = made;
  caches_ = made;
  registry.set_entry(slot, token_.load(std::memory_order_relaxed), made);
  return made;
}

/// Under the lock. The cache of a thread that has ended: the next thread takes it over, with what is in it.
void concurrent_pool::retire(thread_cache& cache) noexcept {
  (cache.previous != nullptr ? cache.previous->next : caches_) = cache.next;
  if (cache.next != nullptr) cache.next->previous = cache.previous;
  cache.next = std::exchange(idle_, &cache);
  cache.reused = true;
}

/// Under the lock. Takes the calling thread's cache from it.
void concurrent_pool::drop_own_cache() noexcept {
  thread_cache* const cache = cache_of_this_thread();
  if (cache == nullptr) return;
  pool_registry::instance().set_entry(slot_.load(std::memory_order_relaxed), 0, nullptr);
  retire(*cache);
}

/// Under the lock.
void concurrent_pool::free_list(thread_cache* list) noexcept {
  while (list != nullptr) {
    thread_cache* const gone = std::exchange(list, list->next);
    upstream_resource()->deallocate(gone->memory, thread_cache::bytes(), alignof(std::max_align_t));
    --cache_count_;
  }
}

/// Under the lock. What is in them goes with the chunks.
void concurrent_pool::drop_caches() noexcept {
  free_list(std::exchange(caches_, nullptr));
  free_list(std::exchange(idle_, nullptr));
  depot_.forget();
}

// ---- allocation

void* concurrent_pool::allocate(std::size_t bytes, std::size_t alignment) {
  const std::size_t last = (bytes - 1) | (alignment - 1);  // of the rounded size; 0 bytes become very many
  if (ALLOT_LIKELY(last < inline_limit_.load(std::memory_order_acquire))) {
    const std::uint8_t* const index = index_.load(std::memory_order_relaxed);
    void* p = nullptr;
    if (ALLOT_LIKELY(
            with_cache([&](thread_cache& cache) { return cache.blocks.pop(index[last / size_table::granule], p); })))
      return p;
  }
  return allocate_slowly(bytes, alignment);
}

void* concurrent_pool::allocate_at_hand(std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t last = (bytes - 1) | (alignment - 1);
  if (!ALLOT_LIKELY(last < inline_limit_.load(std::memory_order_acquire))) return nullptr;
  const std::uint8_t* const index = index_.load(std::memory_order_relaxed);
  void* p = nullptr;
  (void)with_cache([&](thread_cache& cache) { return cache.blocks.pop(index[last / size_table::granule], p); });
  return p;
}

void* concurrent_pool::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (!ALLOT_LIKELY(is_power_of_two(alignment))) return nullptr;
  if (void* const p = allocate_at_hand(bytes, alignment); ALLOT_LIKELY(p != nullptr)) return p;
  return resource::try_allocate(bytes, alignment);
}

bool concurrent_pool::deallocate_at_hand(void* p) noexcept {
  const void* const chunk = sightings_.find(p);
  if (!ALLOT_LIKELY(chunk != nullptr && inline_limit_.load(std::memory_order_acquire) != 0)) return false;
  const std::size_t index = slab_store::class_in(chunk, p);
  return ALLOT_LIKELY(index != size_table::no_class) &&
         with_cache([&](thread_cache& cache) { return cache.blocks.push(index, p); });
}

void concurrent_pool::deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  const std::size_t last = (bytes - 1) | (alignment - 1);
  if (ALLOT_LIKELY(last < inline_limit_.load(std::memory_order_acquire))) {
    const std::uint8_t* const index = index_.load(std::memory_order_relaxed);
    if (ALLOT_LIKELY(
            with_cache([&](thread_cache& cache) { return cache.blocks.push(index[last / size_table::granule], p); })))
      return;
  }
  deallocate_slowly(p, bytes, alignment);
}

ALLOT_NEVER_INLINE void* concurrent_pool::allocate_slowly(std::size_t bytes, std::size_t alignment) {
  if (!is_power_of_two(alignment)) refuse_alignment(name(), bytes, alignment);
  std::size_t index = size_table::no_class;
  if (is_open() && !core_.direct()) {
    index = core_.class_of(bytes, alignment);
    void* p = nullptr;
    if (index != size_table::no_class && with_cache([&](thread_cache& cache) {
          return cache.blocks.pop(index, p) || (cache.blocks.load_second(index) && cache.blocks.pop(index, p));
        }))
      return p;
  }
  if (slot_.load(std::memory_order_relaxed) == thread_cache::no_slot) pool_registry::instance().enlist(*this);
  if (index == size_table::no_class) {
    const std::lock_guard lock(mutex_);
    const bool first = !core_.store().started();
    if (first && core_.may_pool(bytes)) core_.store().start();
    index = core_.class_of(bytes, alignment);
    if (first || index == size_table::no_class || core_.direct()) {
      try {
        void* const p = from_store([&] {
          return index == size_table::no_class ? core_.allocate_large(bytes, alignment, name())
                                               : core_.allocate_direct(index, bytes);
        });
        if (first) open();
        return p;
      } catch (...) {
        if (first) core_.store().stop_if_empty();
        open();
        throw;
      }
    }
  }
  thread_cache* cache = cache_of_this_thread();
  const bool fresh = cache == nullptr;
  if (fresh) cache = make_cache();
  try {
    if (cache != nullptr) return allocate_cached(*cache, index);
    const std::lock_guard lock(mutex_);
    return from_store([&] { return core_.allocate_direct(index, bytes); });
  } catch (...) {
    if (cache != nullptr && fresh) {
      const std::lock_guard lock(mutex_);
      const bool reused = cache->reused;
      drop_own_cache();
      if (!reused) free_list(std::exchange(idle_, std::exchange(cache->next, nullptr)));
    }
    throw;
  }
}

void* concurrent_pool::allocate_cached(thread_cache& cache, std::size_t index) {
  block_cache& blocks = cache.blocks;
  void* p = nullptr;
  // A cache that was another thread's may have some.
  if (blocks.pop(index, p) || (blocks.load_second(index) && blocks.pop(index, p))) return p;
  const std::lock_guard lock(mutex_);
  if (magazine_array* const full = depot_.take(index)) {
    blocks.load(index, *full, core_.store());
    (void)blocks.pop(index, p);
    return p;
  }
  return from_store([&] {
    void* const first = blocks.refill(index, core_.store());
    core_.note_peak();
    return first;
  });
}

/// Under the lock. Blocks no thread has are given back before the upstream's refusal is passed on.
template <class Take>
void* concurrent_pool::from_store(Take take) {
  try {
    return take();
  } catch (const std::bad_alloc&) {
    if (!empty_unused()) throw;
  }
  return take();
}

/// Under the lock. Gives what is in the depot and in the caches of threads that have ended back to the slabs. False
/// where there is nothing.
bool concurrent_pool::empty_unused() noexcept {
  const std::size_t before = core_.store().taken_bytes();
  for (std::size_t i = 0; i < block_cache::most_classes; ++i) {
    while (magazine_array* const magazine = depot_.take(i)) {
      core_.store().put(i, magazine->slots(), magazine->count, name());
      core_.store().drop_array(*magazine);
    }
  }
  for (thread_cache* each = idle_; each != nullptr; each = each->next) each->blocks.empty_into(core_.store(), name());
  return core_.store().taken_bytes() != before;
}

ALLOT_NEVER_INLINE void concurrent_pool::deallocate_slowly(void* p, std::size_t bytes, std::size_t alignment) {
  const std::size_t index = is_open() ? core_.class_of(bytes, alignment) : std::size_t{size_table::no_class};
  std::optional<misuse_report> misuse;
  if (index == size_table::no_class || core_.direct()) {
    {
      const std::lock_guard lock(mutex_);
      (void)core_.accept(p, bytes, alignment, index, name(), misuse);
    }
    if (misuse) report_misuse(*misuse);  // without the lock, so that a handler may ask about the pool
    return;
  }
  if (!core_.accept(p, bytes, alignment, index, name(), misuse)) {
    if (misuse) report_misuse(*misuse);
    return;
  }
  thread_cache* cache = cache_of_this_thread();
  if (cache == nullptr) cache = make_cache();
  if (cache != nullptr) return deallocate_cached(*cache, p, index);
  const std::lock_guard lock(mutex_);
  core_.deallocate_direct(p, index, name());
}

void concurrent_pool::deallocate_cached(thread_cache& cache, void* p, std::size_t index) {
  block_cache& blocks = cache.blocks;
  if (blocks.push(index, p)) return;
  if (blocks.unload_to_second(index)) {
    (void)blocks.push(index, p);
    return;
  }
  const std::lock_guard lock(mutex_);
  if (depot_.count(index) < depot_room())
    if (magazine_array* const full = blocks.take_second(index, core_.store())) depot_.put(index, *full);
  if (blocks.make_room(index, core_.store(), name())) {
    (void)blocks.push(index, p);
  } else {
    core_.deallocate_direct(p, index, name());
  }
}

/// Magazines of one block size, at most, in the depot: some for bursts, and two for each thread. A single thread has
/// nobody to hand them to.
std::size_t concurrent_pool::depot_room() const noexcept {
  constexpr std::size_t burst = 16;
  return cache_count_ > 1 ? burst + 2 * cache_count_ : 0;
}

void concurrent_pool::preallocate(std::size_t bytes, std::size_t count, std::size_t alignment) {
  if (!is_power_of_two(alignment)) refuse_alignment(name(), bytes, alignment);
  if (!core_.may_pool(bytes)) return;
  core_.expect_room(bytes, count, name());
  const std::lock_guard lock(mutex_);
  const bool first = !core_.store().started();
  core_.store().start();
  try {
    const std::size_t index = core_.class_of(bytes, alignment);
    const std::size_t kept = index != size_table::no_class ? depot_.blocks(index) : count;
    if (count > kept) core_.store().preallocate(index, count - kept);
  } catch (...) {
    if (first) core_.store().stop_if_empty();
    if (first) open();
    throw;
  }
  open();
}

bool concurrent_pool::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                 std::size_t alignment) noexcept {
  if (is_open() && !core_.direct()) return core_.try_expand(p, old_bytes, new_bytes, alignment);
  const std::lock_guard lock(mutex_);
  return core_.try_expand(p, old_bytes, new_bytes, alignment);
}

// ---- giving back

/// Under the lock.
std::size_t concurrent_pool::held_bytes() const noexcept {
  return core_.held_bytes() + cache_count_ * thread_cache::bytes();
}

std::size_t concurrent_pool::trim() noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t before = held_bytes();
  drop_own_cache();
  (void)empty_unused();
  free_list(std::exchange(idle_, nullptr));
  core_.trim();
  return before - held_bytes();
}

void concurrent_pool::release() noexcept {
  pool_registry::instance().invalidate(*this);
  const std::lock_guard lock(mutex_);
  drop_caches();
  core_.release();
  open();
}

void concurrent_pool::abandon() noexcept {
  pool_registry::instance().invalidate(*this);
  const std::lock_guard lock(mutex_);
  caches_ = idle_ = nullptr;
  cache_count_ = 0;
  depot_.forget();
  core_.abandon();
  open();
}

// ---- looking inside

/// Under the lock, as what follows.
std::size_t concurrent_pool::cached_count(std::size_t index) const noexcept {
  std::size_t count = depot_.blocks(index);
  for (const thread_cache* list : {caches_, idle_})
    for (const thread_cache* each = list; each != nullptr; each = each->next) count += each->blocks.count(index);
  return count;
}

std::size_t concurrent_pool::cached_bytes() const noexcept {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < core_.bin_count(); ++i)
    bytes += cached_count(i) * std::size_t{core_.store().sizes().bytes[i]};
  return bytes;
}

template <class Visit, class Arrays>
void concurrent_pool::for_each_cached(Visit visit, Arrays arrays) const noexcept {
  depot_.for_each([&](magazine_array& magazine, std::size_t index) {
    for (std::uint32_t i = 0; i < magazine.count; ++i) visit(magazine.slots()[i], index);
    arrays(&magazine);
  });
  for (const thread_cache* list : {caches_, idle_})
    for (const thread_cache* each = list; each != nullptr; each = each->next) each->blocks.for_each(visit, arrays);
}

bin_range<concurrent_pool> concurrent_pool::bins() const noexcept {
  const std::lock_guard lock(mutex_);
  return {*this, core_.bin_count()};
}

pool_bin concurrent_pool::bin(std::size_t at) const noexcept {
  const std::lock_guard lock(mutex_);
  return core_.bin(at, cached_count(at));
}

std::pmr::vector<cached_blocks> concurrent_pool::caches(std::pmr::memory_resource* memory) const {
  std::pmr::vector<cached_blocks> found(memory);
  for (std::size_t room = 0;; room = found.capacity()) {
    std::size_t wanted = 0;
    {
      // Nothing is allocated under the lock: the list's memory may be this pool's.
      const std::lock_guard lock(mutex_);
      for (const thread_cache* each = caches_; each != nullptr; each = each->next) {
        for (std::size_t i = 0; i < core_.bin_count(); ++i) {
          const std::size_t count = each->blocks.count(i);
          if (count == 0) continue;
          if (++wanted <= room) found.push_back({each->thread, core_.store().sizes().bytes[i], count});
        }
      }
    }
    if (wanted <= room) return found;
    found.clear();
    found.reserve(wanted + wanted / 2);
  }
}

std::size_t concurrent_pool::available() const noexcept {
  const std::lock_guard lock(mutex_);
  return core_.available(cached_bytes());
}

memory_usage concurrent_pool::usage() const noexcept {
  const std::lock_guard lock(mutex_);
  memory_usage now = core_.usage(cached_bytes());
  const std::size_t caches = cache_count_ * thread_cache::bytes();
  now.reserved += caches;
  now.committed += caches;
  now.wasted += caches;
  return now;
}

bool concurrent_pool::owns(const void* p) const noexcept {
  const std::lock_guard lock(mutex_);
  for (const thread_cache* list : {caches_, idle_})
    for (; list != nullptr; list = list->next)
      if (range_contains(list->memory, thread_cache::bytes(), p, 1)) return true;
  return core_.owns(p);
}

std::unique_lock<std::mutex> concurrent_pool::lock_upstream() {
  if (slot_.load(std::memory_order_relaxed) == thread_cache::no_slot) pool_registry::instance().enlist(*this);
  return std::unique_lock(mutex_);
}

void concurrent_pool::for_each_unused(block_visitor visitor) const {
  const std::lock_guard lock(mutex_);
  core_.store().for_each_unused(visitor);
}

block_info concurrent_pool::find_block(const void* p) const noexcept {
  const std::lock_guard lock(mutex_);
  return find_uncached(core_, p, [&](auto visit, auto arrays) { for_each_cached(visit, arrays); });
}

block_extent concurrent_pool::live_block(const void* p) const noexcept {
  const block_extent found = live_block_at_hand(p);
  if (found.bytes != 0) return found;
  const std::lock_guard lock(mutex_);
  return core_.live_block(p);
}

block_extent concurrent_pool::live_block_at_hand(const void* p) const noexcept {
  const void* const chunk = !core_.watched() ? sightings_.find(p) : nullptr;
  return ALLOT_LIKELY(chunk != nullptr) ? slab_store::live_block_in(chunk, p) : block_extent{};
}

/// Threads may be at work on their magazines: what is in none of them cannot be told.
bool concurrent_pool::try_look_at(const void* p, block_sight& seen) const noexcept {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return false;
  seen.block = core_.find(p);
  seen.state = seen.block.begin != nullptr ? seen.block.state : block_state::gap;
  if (seen.state == block_state::used && !core_.direct() && core_.is_pooled(p))
    seen.state = seen.block.state = block_state::unknown;
  return true;
}

void concurrent_pool::for_each_block(block_visitor visitor) const {
  const std::lock_guard lock(mutex_);
  visit_uncached(core_, visitor, [&](auto visit, auto arrays) { for_each_cached(visit, arrays); });
}

bool concurrent_pool::check() const noexcept {
  const std::lock_guard lock(mutex_);
  return check_with_caches(core_, [&](auto visit, auto arrays) { for_each_cached(visit, arrays); });
}

}  // namespace allot
