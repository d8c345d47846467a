#pragma once

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/thread_cache.hpp>
#include <allot/testing/counting_resource.hpp>
#include <atomic>
#include <cstddef>
#include <memory_resource>
#include <thread>
#include <vector>

#include "support/child.hpp"

// What the tests of concurrent_pool share.

namespace allot::test {

/// Pools have no magazines where a memory tool watches.
inline bool have_magazines() { return !memory_tools::active(); }

/// How often something is done that takes a sanitizer too long.
inline std::size_t rounds(std::size_t plain, std::size_t sanitized) {
  return memory_tools::active() || under_thread_sanitizer() ? sanitized : plain;
}

inline pool_options checked_options(bool checked = true) {
  pool_options options;
  options.checked = checked;
  return options;
}

/// The bin that serves requests of so many bytes.
template <class Pool>
pool_bin bin_for(const Pool& pool, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
  const std::size_t needed = align_up(bytes + (memory_tools::active() ? memory_tools::redzone : 0), alignment);
  for (const pool_bin bin : pool.bins())
    if (bin.block_bytes >= needed && bin.block_bytes % alignment == 0) return bin;
  return {};
}

/// Blocks of that size in the magazines of the calling thread.
inline std::size_t own_blocks(const concurrent_pool& pool, std::size_t block_bytes) {
  for (const cached_blocks& each : pool.caches(std::pmr::new_delete_resource()))
    if (each.thread == std::this_thread::get_id() && each.block_bytes == block_bytes) return each.blocks;
  return 0;
}

/// Most blocks of a magazine of default options, as documented.
constexpr std::size_t magazine_of(std::size_t block_bytes) {
  return std::min<std::size_t>(126, std::max<std::size_t>(8, (std::size_t{16} << 10) / block_bytes));
}

/// Most blocks of one size in the magazines of so many threads and the depot, as the class comment says.
constexpr std::size_t most_cached(std::size_t block_bytes, std::size_t threads) {
  return (2 * threads + 16 + 2 * threads) * magazine_of(block_bytes);
}

/// Blocks in magazines, of all threads and the depot.
template <class Pool>
std::size_t cached_in(const Pool& pool) {
  std::size_t count = 0;
  for (const pool_bin bin : pool.bins()) count += bin.cached;
  return count;
}

/// Whether the books of a pool nobody uses at the moment agree with each other.
template <class Pool>
bool adds_up(const Pool& pool, std::size_t large_bytes = 0) {
  const memory_usage usage = pool.usage();
  std::size_t live_bytes = large_bytes;
  bool good = true;
  for (const pool_bin bin : pool.bins()) {
    const std::size_t in_blocks = bin.bytes - bin.waste;
    good = good && in_blocks % bin.block_bytes == 0 && bin.live + bin.cached <= in_blocks / bin.block_bytes &&
           (bin.slabs == 0) == (bin.bytes == 0);
    live_bytes += bin.live * bin.block_bytes;
  }
  return good && usage.used == live_bytes && usage.used + pool.available() + usage.wasted == usage.committed &&
         usage.committed == usage.reserved && usage.used <= usage.peak && pool.check();
}

template <class Pool>
std::vector<const void*> allocate_many(Pool& pool, std::size_t count, std::size_t bytes) {
  std::vector<const void*> blocks(count);
  for (const void*& block : blocks) block = pool.allocate(bytes);
  return blocks;
}
template <class Pool>
void free_all(Pool& pool, std::vector<const void*>& blocks, std::size_t bytes) {
  for (const void* const block : blocks) pool.deallocate(const_cast<void*>(block), bytes);
  blocks.clear();
}

/// How many caches of threads a pool has asked of this upstream and not given back.
inline std::size_t caches_from(const testing::counting_resource& upstream) {
  using call = testing::counting_resource::call;
  std::size_t count = 0;
  for (const call& each : upstream.calls()) {
    if (each.bytes != thread_cache::bytes()) continue;
    each.what == call::kind::allocate ? ++count : --count;
  }
  return count;
}

/// An upstream that is not thread-safe, and says whether it ever had to be.
class unlocked_upstream final : public std::pmr::memory_resource {
 public:
  bool was_shared() const { return shared_; }
  std::size_t calls() const { return calls_; }
  std::size_t live() const { return live_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    enter();
    void* const p = std::pmr::new_delete_resource()->allocate(bytes, alignment);
    live_ += bytes;
    --inside_;
    return p;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    enter();
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
    live_ -= bytes;
    --inside_;
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  void enter() {
    if (inside_++ != 0) shared_ = true;
    ++calls_;
    std::this_thread::yield();
  }

  std::atomic<int> inside_{0};
  std::atomic<bool> shared_{false};
  std::size_t calls_ = 0;  // plain, for ThreadSanitizer to see
  std::size_t live_ = 0;
};

}  // namespace allot::test
