#pragma once

#include <allot/core/compiler.hpp>
#include <atomic>
#include <cstddef>

namespace allot {

/// Lets any thread close the inline windows of all arenas that push on without anyone hearing of them. An arena joins
/// when it has much room, and leaves when it is destroyed.
///
/// join() is the owner's; close_all() is thread-safe, as is the list.
class ALLOT_EXPORT window_link {
 public:
  /// @param limit  the end of the window, which close_all() sets to null
  explicit window_link(std::atomic<std::byte*>& limit) noexcept : limit_(limit) {}
  window_link(const window_link&) = delete;
  window_link& operator=(const window_link&) = delete;
  ~window_link() {
    if (joined_) leave();
  }

  /// From now on close_all() reaches this window. Twice is harmless.
  void join() noexcept {
    if (!joined_) enter();
  }

  /// Sets the limits of all that have joined to null.
  static void close_all() noexcept;

 private:
  void enter() noexcept;
  void leave() noexcept;

  std::atomic<std::byte*>& limit_;
  bool joined_ = false;
  window_link* next_ = nullptr;  // guarded by the mutex of all
  window_link* previous_ = nullptr;
};

}  // namespace allot
