#include "bootstrap.hpp"

#include <sys/mman.h>

#include <allot/core/checked_size.hpp>
#include <allot/core/never_destroyed.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/os/fork_mutex.hpp>
#include <atomic>
#include <cstdint>
#include <memory_resource>
#include <mutex>
#include <new>

#include "thread_state.hpp"

namespace allot::preload::bootstrap {
namespace {

// ---- the buffer

constexpr std::size_t buffer_bytes = std::size_t{256} << 10;
constexpr std::size_t head = 16;  // before each block, for its size
alignas(4096) std::byte buffer[buffer_bytes];
std::atomic<std::size_t> buffer_used{0};

void* take_from_buffer(std::size_t bytes, std::size_t alignment) noexcept {
  std::size_t before = buffer_used.load(std::memory_order_relaxed);
  for (;;) {
    const std::size_t at = before + head + padding_for(address_of(buffer) + before + head, alignment);
    if (at > buffer_bytes || bytes > buffer_bytes - at) return nullptr;
    if (!buffer_used.compare_exchange_weak(before, at + bytes, std::memory_order_relaxed)) continue;
    ::new (buffer + at - sizeof(std::size_t)) std::size_t(bytes);
    return buffer + at;
  }
}

bool is_in_buffer(const void* p) noexcept { return address_of(p) - address_of(buffer) < buffer_bytes; }

// ---- the heap

std::atomic<std::byte*> region{nullptr};
std::atomic<std::size_t> region_bytes{0};

/// Chunks of the region for the heap, one behind the other. Called under the heap's lock.
class region_chunks final : public std::pmr::memory_resource {
 private:
  static constexpr std::size_t most_bytes =
      sizeof(void*) > 4 ? std::size_t{1} << (sizeof(void*) > 4 ? 34 : 0) : std::size_t{256} << 20;
  static constexpr std::size_t least_bytes = std::size_t{1} << 20;

  /// Address space for good; pages are taken as they are touched.
  static bool open() noexcept {
    for (std::size_t bytes = most_bytes; bytes >= least_bytes; bytes /= 2) {
      void* const p =
          ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (p == MAP_FAILED) continue;
      region_bytes.store(bytes, std::memory_order_relaxed);
      region.store(static_cast<std::byte*>(p), std::memory_order_release);
      return true;
    }
    return false;
  }

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (region.load(std::memory_order_relaxed) == nullptr && !open()) throw std::bad_alloc();
    std::byte* const start = region.load(std::memory_order_relaxed);
    const std::size_t at = used_ + padding_for(address_of(start) + used_, alignment);
    const std::size_t all = region_bytes.load(std::memory_order_relaxed);
    if (at > all || bytes > all - at) throw std::bad_alloc();
    used_ = at + bytes;
    return start + at;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t /*alignment*/) override {
    if (static_cast<std::byte*>(p) + bytes == region.load(std::memory_order_relaxed) + used_) used_ -= bytes;
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::size_t used_ = 0;
};

struct heap_memory {
  os::fork_mutex mutex;
  region_chunks chunks;
  coalescing_heap heap{&chunks};
};

/// Blocks live until the program's last moment.
heap_memory& memory() noexcept { return never_destroyed<heap_memory>(); }

bool is_in_region(const void* p) noexcept {
  return address_of(p) - address_of(region.load(std::memory_order_relaxed)) <
         region_bytes.load(std::memory_order_relaxed);
}

}  // namespace

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (in_bootstrap()) return take_from_buffer(bytes, alignment);
  const bootstrap_scope scope;
  heap_memory& own = memory();
  const std::lock_guard lock(own.mutex);
  return own.heap.try_allocate(bytes, alignment);
}

void deallocate(void* p) noexcept {
  // What is freed inside of the heap's own calls is lost: it is little, and its lock is held.
  if (!is_in_region(p) || in_bootstrap()) return;
  const bootstrap_scope scope;
  heap_memory& own = memory();
  const std::lock_guard lock(own.mutex);
  const block_extent is = own.heap.live_block(p);
  own.heap.deallocate(p, is.bytes, alignof(std::max_align_t));  // reports what is no block
}

std::size_t size_of(const void* p) noexcept {
  if (is_in_buffer(p))
    return *reinterpret_cast<const std::size_t*>(static_cast<const std::byte*>(p) - sizeof(std::size_t));
  if (in_bootstrap()) return 0;
  const bootstrap_scope scope;
  heap_memory& own = memory();
  const std::lock_guard lock(own.mutex);
  return own.heap.live_block(p).bytes;
}

bool holds(const void* p) noexcept { return is_in_region(p) || is_in_buffer(p); }

}  // namespace allot::preload::bootstrap
