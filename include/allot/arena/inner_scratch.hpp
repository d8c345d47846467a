#pragma once

#include <allot/arena/arena.hpp>
#include <allot/arena/scope.hpp>
#include <allot/core/compiler.hpp>
#include <cstddef>
#include <exception>

namespace allot {

/// Temporary memory and the result of a computation from one and the same arena.
///
/// It leaves room for a result at the arena's position. All that is taken from the arena while it lives lies behind
/// that room; at its end this is gone and what keep() said of the result stays.
///
///     | before | room for the result | temporary ... |
///     | before | kept |                                  afterwards
///
///     allot::inner_scratch inner(arena, 4096);
///     std::pmr::vector<int> temporary(&arena);
///     ...
///     char* text = static_cast<char*>(inner.result());
///     inner.keep(write_to(text, inner.room()));
///
/// Ends in an exception or without keep(): nothing stays. Not thread-safe.
class ALLOT_EXPORT inner_scratch {
 public:
  /// @param room       most bytes the result may have
  /// @param alignment  of the result
  /// @throws as arena::push(); the arena is as before
  explicit inner_scratch(arena& memory, std::size_t room, std::size_t alignment = alignof(std::max_align_t));
  inner_scratch(const inner_scratch&) = delete;
  inner_scratch& operator=(const inner_scratch&) = delete;
  ~inner_scratch();

  void* result() const noexcept { return result_; }    ///< where the room starts; uninitialised
  std::size_t room() const noexcept { return room_; }  ///< bytes: the most the result may have

  /// The first `bytes` bytes at result() stay; may be called again, the last one counts. 0 keep nothing.
  /// @return result()
  /// @throws allocation_error (limit_reached) for more than room(); what was said before holds
  void* keep(std::size_t bytes);

 private:
  scope scope_;
  void* result_;
  std::size_t room_;
  std::size_t result_position_;  // of the arena, where the result starts
  std::size_t kept_ = 0;
  int exceptions_ = std::uncaught_exceptions();  // under way at the start
};

}  // namespace allot
