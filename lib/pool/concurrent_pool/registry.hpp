#pragma once

#include <allot/pool/concurrent_pool.hpp>
#include <cstddef>
#include <cstdint>
#include <mutex>

// How a thread finds its cache in a pool, and a pool that is gone is told from one at the same address.

namespace allot {

/// What a thread knows of its caches: one entry for each pool's slot. A pool has a token that no other pool ever had;
/// where the entry's is another, it is of a pool that is gone or was released, and means nothing.
struct cache_table {
  struct entry {
    std::uint64_t token;
    thread_cache* cache;
  };
  std::size_t size;

  entry* entries() noexcept { return reinterpret_cast<entry*>(this + 1); }
  const entry* entries() const noexcept { return reinterpret_cast<const entry*>(this + 1); }
};

/// The calling thread's, for the hot path; empty before its first cache and after its end. Both in concurrent_pool.cpp.
const cache_table* current_table() noexcept;
void set_current_table(const cache_table* table) noexcept;

/// All pools of the process, and what is done for them when a thread ends or the process forks.
///
/// Locks are taken in the order: a pool's, its upstream's, this one's. Where this one is held first, a pool's lock is
/// tried for only. Never destroyed. Thread-safe.
class pool_registry {
 public:
  static pool_registry& instance() noexcept;
  pool_registry() noexcept = default;  // for instance()

  /// Gives the pool a slot and a token, if it has none; it stays without where there is no memory for that.
  void enlist(concurrent_pool& pool) noexcept;
  /// Gives the pool another token, so that no thread finds a cache any more.
  void invalidate(concurrent_pool& pool) noexcept;
  void remove(concurrent_pool& pool) noexcept;

  /// Makes sure that the calling thread can remember a cache in that slot. False where it cannot: for want of memory,
  /// or because the thread is ending.
  bool prepare_entry(std::size_t slot) noexcept;
  void set_entry(std::size_t slot, std::uint64_t token, thread_cache* cache) noexcept;

 private:
  struct listed {
    concurrent_pool* pool;
    std::uint64_t token;  // 0: the slot is free
    std::size_t next_free;
  };

  bool make_room() noexcept;
  void end_thread(const cache_table& table) noexcept;
  bool try_lock_all() noexcept;
  void unlock(std::size_t pools) noexcept;

  std::mutex mutex_;  // guards what follows
  listed* slots_ = nullptr;
  std::size_t slot_count_ = 0;
  std::size_t slot_room_ = 0;
  std::size_t first_free_ = thread_cache::no_slot;
  std::uint64_t last_token_ = 0;
  bool watches_forks_ = false;
};

}  // namespace allot
