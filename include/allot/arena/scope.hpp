#pragma once

#include <allot/arena/arena.hpp>
#include <cstddef>

namespace allot {

/// Takes an arena back, at its own end, to where it was at its start: what is pushed or allocated in between is gone.
/// Scopes nest. In the usual order, the last begun ends first, a scope costs a few instructions; in any other order
/// what is right still happens, and a scope whose arena has been below its start reports a stale mark and does nothing.
///
/// The arena must neither be moved nor destroyed before. Not thread-safe.
class scope {
 public:
  /// Starts at the arena's present position.
  explicit scope(arena& memory) noexcept : arena_(&memory), start_(memory.open_scope()) {}
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;
  ~scope() {
    if (arena_ != nullptr) arena_->close_scope(start_);
  }

  /// Ends the scope now. A second time is misuse.
  void end() {
    if (arena* const memory = leave()) memory->close_scope(start_);
  }

  /// Ends the scope and keeps what is in it.
  void dismiss() {
    if (arena* const memory = leave())
      memory->keep_scope(start_.marks.position, start_.marks.floor, start_.marks.clock);
  }

  /// The arena's position in bytes at the start.
  std::size_t position() const noexcept { return start_.marks.position; }

 private:
  friend class inner_scratch;

  /// The arena, which the scope then has left; null, and a report, when it had before.
  ALLOT_EXPORT arena* leave();

  arena* arena_;
  arena::moment start_;
};

}  // namespace allot
