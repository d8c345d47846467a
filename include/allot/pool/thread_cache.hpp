#pragma once

#include <allot/pool/block_cache.hpp>
#include <cstddef>
#include <thread>

namespace allot {

/// One thread's magazines in one concurrent_pool. It belongs to the pool and lies in its memory.
struct thread_cache {
  static constexpr std::size_t line = 64;                               ///< bytes of a cache line
  static constexpr std::size_t no_slot = static_cast<std::size_t>(-1);  ///< of a pool that has not got one yet

  block_cache blocks;                ///< the magazines
  std::thread::id thread;            ///< whose they are, or were last
  thread_cache* next = nullptr;      ///< of the same pool
  thread_cache* previous = nullptr;  ///< of the same pool; without meaning once the thread has ended
  void* memory = nullptr;            ///< what the upstream gave
  bool reused = false;               ///< another thread had it before

  /// Asked of the upstream: with room to start, and to end, on a cache line, so that no two threads' caches share one.
  static constexpr std::size_t bytes() noexcept;
};

constexpr std::size_t thread_cache::bytes() noexcept {
  return (sizeof(thread_cache) + line - 1) / line * line + line - alignof(std::max_align_t);
}

}  // namespace allot
