#pragma once

#include <allot/core/compiler.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace allot {

/// Where a magazine keeps the addresses of its blocks: a block of the pool's own, as large as the magazine needs.
struct magazine_array {
  magazine_array* next;    ///< where magazines are kept in a list
  std::uint32_t count;     ///< of blocks, there
  std::uint32_t capacity;  ///< most blocks

  /// Behind this header, room for the addresses.
  void** slots() noexcept { return reinterpret_cast<void**>(this + 1); }
  /// Header and slots.
  static constexpr std::size_t bytes_for(std::size_t capacity) noexcept {
    return sizeof(magazine_array) + capacity * sizeof(void*);
  }
};

/// The free blocks of one size that one thread has at hand: last in, first out, and bounded. Taking and giving touch
/// this and the array of addresses, but never the blocks, which may have left the processor's caches long ago (J.
/// Bonwick, J. Adams, "Magazines and Vmem", USENIX 2001).
///
/// Not thread-safe, but that any thread may read the count.
struct magazine {
  void** slots = nullptr;               ///< of its array; null: it has none
  std::atomic<std::uint32_t> count{0};  ///< of blocks
  std::uint32_t capacity = 0;           ///< most blocks

  /// False where it is empty.
  ALLOT_ALWAYS_INLINE bool pop(void*& p) noexcept {
    const std::uint32_t left = count.load(std::memory_order_relaxed);
    if (!ALLOT_LIKELY(left != 0)) return false;
    count.store(left - 1, std::memory_order_relaxed);
    p = slots[left - 1];
    return true;
  }

  /// False where it is full.
  ALLOT_ALWAYS_INLINE bool push(void* p) noexcept {
    const std::uint32_t before = count.load(std::memory_order_relaxed);
    if (!ALLOT_LIKELY(before != capacity)) return false;
    slots[before] = p;
    count.store(before + 1, std::memory_order_relaxed);
    return true;
  }
};

}  // namespace allot
