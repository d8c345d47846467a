#include "registry.hpp"

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/core/never_destroyed.hpp>
#include <allot/os/fork_hook.hpp>
#include <allot/os/thread_exit.hpp>
#include <allot/os/virtual_memory.hpp>
#include <new>
#include <thread>
#include <utility>

namespace allot {
namespace {

/// Zeros in pages of their own, as many bytes as asked and what is left of the last page. Null where there are none.
void* zero_pages(std::size_t& bytes) noexcept {
  const std::size_t page = os::facts().page_size;
  if (page == 0) return nullptr;
  bytes = align_up(bytes, page);
  return os::map(bytes, 1, os::access::read_write).address;
}

std::size_t bytes_of(const cache_table& table) noexcept {
  return sizeof(cache_table) + table.size * sizeof(cache_table::entry);
}

/// What there is of a thread, with its first table behind it in the same pages: some systems free thread_local
/// variables before they run the hook.
struct thread_record : os::thread_exit_hook {
  thread_record(function at_exit, std::size_t all_bytes) noexcept : os::thread_exit_hook(at_exit), bytes(all_bytes) {}

  void* first_table() noexcept { return this + 1; }

  cache_table* table = nullptr;
  std::size_t bytes;  // of the pages
};
static_assert(alignof(thread_record) >= alignof(cache_table));

// Of the calling thread; without construction, so that they serve as long as the thread runs anything at all.
thread_local thread_record* own = nullptr;
thread_local bool ended = false;

void release_table(thread_record& record) noexcept {
  if (record.table != record.first_table())
    (void)os::release(record.table, align_up(bytes_of(*record.table), os::facts().page_size));
}

}  // namespace

pool_registry& pool_registry::instance() noexcept { return never_destroyed<pool_registry>(); }

// ---- pools

bool pool_registry::make_room() noexcept {
  if (first_free_ != thread_cache::no_slot || slot_count_ < slot_room_) return true;
  std::size_t bytes = 2 * slot_room_ * sizeof(listed) + 1;
  void* const memory = zero_pages(bytes);
  if (memory == nullptr) return false;
  auto* const more = static_cast<listed*>(memory);
  if (slots_ != nullptr) {
    std::copy_n(slots_, slot_count_, more);
    (void)os::release(slots_, align_up(slot_room_ * sizeof(listed), os::facts().page_size));
  }
  slots_ = more;
  slot_room_ = bytes / sizeof(listed);
  return true;
}

void pool_registry::enlist(concurrent_pool& pool) noexcept {
  const std::lock_guard lock(mutex_);
  if (pool.slot_.load(std::memory_order_relaxed) != thread_cache::no_slot || !make_room()) return;
  if (!watches_forks_) {
    // Where the system has no room for the hook, a fork is what it is without. Resources with a fork_mutex may stand on
    // a pool, or a pool on them, so a fork takes the locks of all.
    static os::fork_locks all{[]() noexcept { return instance().try_lock_all(); },
                              []() noexcept { instance().unlock(instance().slot_count_); }};
    watches_forks_ = static_cast<bool>(os::join_fork_mutexes(all));
  }
  std::size_t slot = slot_count_;
  if (first_free_ != thread_cache::no_slot) {
    slot = std::exchange(first_free_, slots_[first_free_].next_free);
  } else {
    ++slot_count_;
  }
  slots_[slot] = {&pool, ++last_token_, 0};
  pool.token_.store(last_token_, std::memory_order_relaxed);
  pool.slot_.store(slot, std::memory_order_release);
}

void pool_registry::invalidate(concurrent_pool& pool) noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t slot = pool.slot_.load(std::memory_order_relaxed);
  if (slot == thread_cache::no_slot) return;
  slots_[slot].token = ++last_token_;
  pool.token_.store(last_token_, std::memory_order_relaxed);
}

void pool_registry::remove(concurrent_pool& pool) noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t slot = pool.slot_.exchange(thread_cache::no_slot, std::memory_order_relaxed);
  if (slot == thread_cache::no_slot) return;
  slots_[slot] = {nullptr, 0, std::exchange(first_free_, slot)};
}

// ---- forks

/// Nothing is left locked where that cannot be done now: whoever has a lock may be waiting for another of them.
bool pool_registry::try_lock_all() noexcept {
  if (!mutex_.try_lock()) return false;
  for (std::size_t i = 0; i < slot_count_; ++i) {
    if (slots_[i].pool == nullptr || slots_[i].pool->mutex_.try_lock()) continue;
    unlock(i);
    return false;
  }
  return true;
}

void pool_registry::unlock(std::size_t pools) noexcept {
  for (std::size_t i = 0; i < pools; ++i)
    if (slots_[i].pool != nullptr) slots_[i].pool->mutex_.unlock();
  mutex_.unlock();
}

// ---- threads

bool pool_registry::prepare_entry(std::size_t slot) noexcept {
  if (ended) return false;
  if (own != nullptr && slot < own->table->size) return true;
  const std::size_t wanted = std::max(slot + 1, own != nullptr ? 2 * own->table->size : 0);
  const std::size_t before = own == nullptr ? sizeof(thread_record) : 0;
  std::size_t bytes = before + sizeof(cache_table) + wanted * sizeof(cache_table::entry);
  void* const memory = zero_pages(bytes);
  if (memory == nullptr) return false;
  const std::size_t room = (bytes - before - sizeof(cache_table)) / sizeof(cache_table::entry);
  if (own != nullptr) {
    auto* const table = ::new (memory) cache_table{room};
    std::copy_n(own->table->entries(), own->table->size, table->entries());
    release_table(*own);
    own->table = table;
  } else {
    auto* const record = ::new (memory) thread_record(
        [](os::thread_exit_hook& self) noexcept {
          // From here on the thread is served without a cache, also while those it has are given up.
          auto& last = static_cast<thread_record&>(self);
          own = nullptr;
          ended = true;
          set_current_table(nullptr);
          instance().end_thread(*last.table);
          release_table(last);
          (void)os::release(&last, last.bytes);
        },
        bytes);
    record->table = ::new (record->first_table()) cache_table{room};
    if (!os::at_thread_exit(*record)) {
      (void)os::release(memory, bytes);
      return false;
    }
    own = record;
  }
  set_current_table(own->table);
  return true;
}

void pool_registry::set_entry(std::size_t slot, std::uint64_t token, thread_cache* cache) noexcept {
  if (own != nullptr) own->table->entries()[slot] = {token, cache};
}

void pool_registry::end_thread(const cache_table& table) noexcept {
  for (std::size_t i = 0; i < table.size; ++i) {
    const cache_table::entry& entry = table.entries()[i];
    if (entry.token == 0) continue;
    for (;;) {
      std::unique_lock lock(mutex_);
      concurrent_pool* const pool = slots_[i].token == entry.token ? slots_[i].pool : nullptr;
      if (pool == nullptr) break;
      // Once its own lock is held, the pool cannot go before that is free again.
      if (std::unique_lock pool_lock(pool->mutex_, std::try_to_lock); pool_lock) {
        lock.unlock();
        pool->retire(*entry.cache);
        break;
      }
      lock.unlock();
      std::this_thread::yield();
    }
  }
}

}  // namespace allot
