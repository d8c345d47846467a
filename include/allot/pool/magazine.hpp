#pragma once

#include <allot/core/compiler.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace allot {

/// What a free block of a pool holds: the next in its list.
struct free_block {
  free_block* next;
  free_block* next_list;  // of the first block of a list: the next list, where lists are kept in a list
};

/// The free blocks of one size that one thread has at hand: last in, first out, and bounded. Taking and giving touch
/// the block and this, nothing else (J. Bonwick, J. Adams, "Magazines and Vmem", USENIX 2001).
///
/// Not thread-safe, but that any thread may read the counts.
struct magazine {
  free_block* head = nullptr;
  std::atomic<std::uint32_t> room{0};  // blocks that still fit
  std::uint32_t capacity = 0;

  /// Null where it is empty.
  ALLOT_ALWAYS_INLINE void* pop() noexcept {
    free_block* const block = head;
    if (!ALLOT_LIKELY(block != nullptr)) return nullptr;
    head = block->next;
    ALLOT_PREFETCH(head);
    room.store(room.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return block;
  }

  /// False where it is full.
  ALLOT_ALWAYS_INLINE bool push(void* p) noexcept {
    const std::uint32_t left = room.load(std::memory_order_relaxed);
    if (!ALLOT_LIKELY(left != 0)) return false;
    auto* const block = static_cast<free_block*>(p);
    block->next = head;
    head = block;
    room.store(left - 1, std::memory_order_relaxed);
    return true;
  }

  std::uint32_t count() const noexcept { return capacity - room.load(std::memory_order_relaxed); }
};

}  // namespace allot
