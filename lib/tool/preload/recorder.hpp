#pragma once

#include <cstddef>

namespace allot::preload {

/// Writes down what the program asks of malloc().
///
/// Thread-safe. To be called inside only, for it allocates.
class recorder {
 public:
  // A block is told of after it was got, and before it is given back: so no other thread's events come between.
  virtual void allocated(const void* p, std::size_t bytes, std::size_t alignment) noexcept = 0;
  virtual void deallocated(const void* p, std::size_t bytes) noexcept = 0;
  virtual void resized(const void* p, std::size_t bytes, std::size_t new_bytes) noexcept = 0;
  virtual void refused(std::size_t bytes, std::size_t alignment) noexcept = 0;

  /// Events that come later are lost.
  virtual void close() noexcept = 0;

 protected:
  ~recorder() = default;
};

}  // namespace allot::preload
