#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/misuse.hpp>
#include <allot/pool/pool_resource.hpp>
#include <cstring>

#include "requests.hpp"

namespace allot {
namespace {

/// While this lives, the store takes what is in magazines for free.
class cached_marked_free {
 public:
  cached_marked_free(const slab_store& store, const block_cache& cache) noexcept : store_(store), cache_(cache) {
    mark(true);
  }
  cached_marked_free(const cached_marked_free&) = delete;
  cached_marked_free& operator=(const cached_marked_free&) = delete;
  ~cached_marked_free() { mark(false); }

 private:
  void mark(bool free) noexcept {
    (void)cache_.for_each([&](const free_block* block, std::size_t) { store_.mark(block, free); });
  }

  const slab_store& store_;
  const block_cache& cache_;
};

/// Lets the caller touch the other size.
void expose(void* p, std::size_t old_bytes, std::size_t new_bytes, std::size_t block_bytes) noexcept {
  if (new_bytes > old_bytes) memory_tools::hand_out(static_cast<std::byte*>(p) + old_bytes, new_bytes - old_bytes);
  poison_behind(p, new_bytes, block_bytes);
}

}  // namespace

pool_resource::pool_resource(from_options, const pool_options& options, std::pmr::memory_resource* upstream) noexcept
    : resource(options.name),
      store_(options, upstream),
      large_(upstream),
      zero_on_free_(options.zero_on_free),
      checked_(options.checked),
      watched_(memory_tools::active()) {
  if (store_.started()) begin();
}

pool_resource::~pool_resource() { pool_resource::release(); }

/// Gets the table of sizes, if it is not there, and opens the inline path.
void pool_resource::begin() {
  if (index_ != nullptr) return;
  store_.start();
  index_ = store_.sizes().index;
  inline_limit_ = checked_ || watched_ || zero_on_free_ ? 0 : inline_limit(store_);
}

void pool_resource::end() noexcept {
  if (store_.started()) return;
  index_ = nullptr;
  inline_limit_ = 0;
}

void pool_resource::end_if_empty() noexcept {
  store_.stop_if_empty();
  end();
}

pool_options pool_resource::options() const noexcept {
  pool_options options = store_.options();
  if (name() != kind()) options.name = name();
  return options;
}

// ---- allocation

void* pool_resource::allocate_slowly(std::size_t bytes, std::size_t alignment) {
  if (!is_power_of_two(alignment)) refuse_alignment(name(), bytes, alignment);
  const std::size_t padded = padded_request(bytes, watched_);
  const bool started = store_.started();
  void* p = nullptr;
  try {
    if (padded <= size_table::largest) begin();
    const std::size_t index = class_of(bytes, alignment);
    if (index == size_table::no_class) {
      if (bytes > max_object_bytes - (alignment - 1)) refuse_size(name(), bytes, alignment);
      p = large_.allocate(std::max<std::size_t>(bytes, 1), alignment);
    } else {
      p = allocate_block(index);
      if (watched_) poison_behind(p, bytes, store_.sizes().bytes[index]);
    }
  } catch (...) {
    if (!started) end_if_empty();
    throw;
  }
  peak_ = std::max(peak_, store_.taken_bytes() + large_.bytes());
  return p;
}

/// size_table::no_class for what the upstream serves.
std::size_t pool_resource::class_of(std::size_t bytes, std::size_t alignment) const noexcept {
  return store_.started() ? store_.class_of(padded_request(bytes, watched_), alignment)
                          : std::size_t{size_table::no_class};
}

void* pool_resource::allocate_block(std::size_t index) {
  if (checked_ || watched_) return store_.take(index, 1).first;
  if (void* const p = cache_.pop(index)) return p;
  if (cache_.capacity(index) == 0) cache_.set_capacity(index, store_.magazine_capacity(index));
  cache_.load(index, [&](std::uint32_t most) { return store_.take(index, most); });
  return cache_.pop(index);
}

void pool_resource::deallocate_slowly(void* p, std::size_t bytes, std::size_t alignment) {
  if (!is_power_of_two(alignment)) return report_misuse({misuse_kind::invalid_alignment, name(), p, alignment});
  const std::size_t index = class_of(bytes, alignment);
  if (index == size_table::no_class || checked_ || watched_) {
    if (large_.deallocate(p, std::max<std::size_t>(bytes, 1), alignment, name())) return;
    const slab_store::verdict found = store_.judge(p, index);
    if (!found.fine) return report_misuse(misuse_of(found, name(), p, bytes, alignment));
  }
  if (zero_on_free_) std::memset(p, 0, watched_ ? bytes : store_.sizes().bytes[index]);
  auto* const block = static_cast<free_block*>(p);
  if (checked_ || watched_) {
    if (watched_) memory_tools::hand_out(p, store_.sizes().bytes[index]);
    block->next = nullptr;
    return store_.put(index, {block, 1}, name());
  }
  if (cache_.push(index, p)) return;
  if (cache_.capacity(index) == 0) {
    cache_.set_capacity(index, store_.magazine_capacity(index));
    (void)cache_.push(index, p);
    return;
  }
  const slab_store::list old = cache_.unload(index);
  (void)cache_.push(index, p);
  store_.put(index, old, name());
}

void pool_resource::preallocate(std::size_t bytes, std::size_t count, std::size_t alignment) {
  if (!is_power_of_two(alignment)) refuse_alignment(name(), bytes, alignment);
  if (bytes > size_table::largest) return;
  const bool started = store_.started();
  try {
    begin();
    const std::size_t index = class_of(bytes, alignment);
    const std::size_t cached = index != size_table::no_class ? cache_.count(index) : count;
    if (count > cached) store_.preallocate(index, count - cached);
  } catch (...) {
    if (!started) end_if_empty();
    throw;
  }
}

bool pool_resource::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes, std::size_t alignment) noexcept {
  if (old_bytes == new_bytes) return true;
  if (!is_power_of_two(alignment)) return false;
  const std::size_t index = class_of(old_bytes, alignment);
  if (index == size_table::no_class || class_of(new_bytes, alignment) != index) return false;
  if ((checked_ || watched_) && !store_.judge(p, index).fine) return false;
  if (watched_) expose(p, old_bytes, new_bytes, store_.sizes().bytes[index]);
  return true;
}

// ---- giving back

void pool_resource::empty_magazines() {
  for (std::size_t i = 0; i < block_cache::most_classes; ++i) {
    if (cache_.count(i) == 0) continue;
    store_.put(i, cache_.take_loaded(i), name());
    store_.put(i, cache_.take_full(i), name());
  }
}

std::size_t pool_resource::held_bytes() const noexcept {
  return store_.held_bytes() + large_.bytes() + large_.book_bytes();
}

std::size_t pool_resource::trim() noexcept {
  const std::size_t before = held_bytes();
  empty_magazines();
  (void)store_.trim();
  large_.trim();
  end();
  return before - held_bytes();
}

void pool_resource::release() noexcept {
  large_.release();
  cache_.forget();
  store_.release();
  peak_ = 0;
  end();
}

void pool_resource::abandon() noexcept {
  large_.abandon();
  cache_.forget();
  store_.abandon();
  peak_ = 0;
  end();
}

// ---- looking inside

pool_bin pool_resource::bin(std::size_t at) const noexcept { return bin_of(store_, at, cache_.count(at)); }

std::size_t pool_resource::available() const noexcept {
  std::size_t bytes = store_.free_unit_bytes();
  for (const pool_bin& each : bins()) bytes += (each.bytes - each.waste) - each.live * each.block_bytes;
  return bytes;
}

memory_usage pool_resource::usage() const noexcept {
  memory_usage now;
  now.reserved = now.committed = held_bytes();
  now.used = large_.bytes();
  now.wasted = store_.overhead_bytes() + large_.book_bytes();
  for (const pool_bin& each : bins()) {
    now.used += each.live * each.block_bytes;
    now.wasted += each.waste;
  }
  now.peak = peak_;
  return now;
}

bool pool_resource::owns(const void* p) const noexcept {
  return store_.owns(p) || large_.find(p).state == block_state::used;
}

block_info pool_resource::find_block(const void* p) const noexcept {
  block_info found = store_.find(p);
  if (found.state == block_state::unknown) return large_.find(p);
  (void)cache_.for_each([&](const free_block* block, std::size_t) {
    if (block == found.begin) found.state = block_state::free;
  });
  return found;
}

void pool_resource::for_each_block(block_visitor visitor) const {
  const cached_marked_free marked(store_, cache_);
  store_.for_each_used(visitor);
  large_.for_each(visitor);
}

bool pool_resource::check() const noexcept {
  bool sound = store_.check();
  const bool counted = cache_.for_each(
      [&](const free_block* block, std::size_t index) { sound = sound && store_.judge(block, index).fine; });
  return sound && counted;
}

}  // namespace allot
