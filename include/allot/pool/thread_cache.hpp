#pragma once

#include <allot/pool/block_cache.hpp>
#include <cstddef>
#include <thread>

namespace allot {

/// One thread's magazines in one concurrent_pool. It belongs to the pool and lies in its memory.
struct thread_cache {
  static constexpr std::size_t line = 64;
  static constexpr std::size_t no_slot = static_cast<std::size_t>(-1);

  block_cache blocks;
  std::thread::id thread;
  thread_cache* next = nullptr;
  thread_cache* previous = nullptr;
  void* memory = nullptr;  // what the upstream gave
  bool reused = false;     // another thread had it before

  /// Asked of the upstream: with room to start, and to end, on a cache line, so that no two threads' caches share one.
  static constexpr std::size_t bytes() noexcept;
};

constexpr std::size_t thread_cache::bytes() noexcept {
  return (sizeof(thread_cache) + line - 1) / line * line + line - alignof(std::max_align_t);
}

}  // namespace allot
