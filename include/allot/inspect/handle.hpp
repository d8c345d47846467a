#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace allot {

/// A reference to a T of a table (handle_table, arena_handles) that can outlive the T: the table says whether it is
/// still there. A plain value of 8 bytes that may be copied, kept, compared and sent around; it keeps nothing alive.
///
/// The index names a slot of the table, the generation which of the objects that were in the slot one after the other.
/// Only the table that gave it can follow it; another one may take it for one of its own.
template <class T>
class handle {
 public:
  /// A handle of no object.
  constexpr handle() noexcept = default;
  /// One a table gave, made again from its parts.
  constexpr handle(std::uint32_t index, std::uint32_t generation) noexcept : index_(index), generation_(generation) {}

  constexpr std::uint32_t index() const noexcept { return index_; }            ///< of the slot
  constexpr std::uint32_t generation() const noexcept { return generation_; }  ///< 0: of no object

  /// Whether there ever was an object.
  constexpr explicit operator bool() const noexcept { return generation_ != 0; }

  friend constexpr bool operator==(handle a, handle b) noexcept {
    return a.index_ == b.index_ && a.generation_ == b.generation_;
  }
  friend constexpr bool operator!=(handle a, handle b) noexcept { return !(a == b); }
  /// Some order, for sorted containers.
  friend constexpr bool operator<(handle a, handle b) noexcept {
    return a.index_ != b.index_ ? a.index_ < b.index_ : a.generation_ < b.generation_;
  }

 private:
  std::uint32_t index_ = 0;
  std::uint32_t generation_ = 0;
};

}  // namespace allot

template <class T>
struct std::hash<allot::handle<T>> {
  std::size_t operator()(allot::handle<T> of) const noexcept {
    return std::hash<std::uint64_t>()(std::uint64_t{of.generation()} << 32 | of.index());
  }
};
