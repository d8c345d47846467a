#pragma once

#include <cstddef>

namespace allot::preload {

/// The allocator that the program would have without this library: the next one there is behind it.
struct system_malloc {
  void* (*allocate)(std::size_t bytes) = nullptr;
  void (*deallocate)(void* p) = nullptr;
  void* (*resize)(void* p, std::size_t bytes) = nullptr;
  void* (*allocate_zeroed)(std::size_t count, std::size_t bytes) = nullptr;
  int (*allocate_aligned)(void** p, std::size_t alignment, std::size_t bytes) = nullptr;
  std::size_t (*usable_size)(void* p) = nullptr;

  /// Looks for it. False when there is none.
  bool find() noexcept;
};

}  // namespace allot::preload
