#pragma once

#include <allot/arena/monotonic_arena.hpp>
#include <cstddef>
#include <string_view>

namespace allot {

namespace detail {
/// The bytes, as a base, so that they are there before the arena that uses them.
template <std::size_t Bytes, std::size_t Alignment>
struct local_memory {
  alignas(Alignment) std::byte memory[Bytes];  ///< uninitialised
};
}  // namespace detail

/// A monotonic_arena with `Bytes` bytes inside itself: on the stack for the life of a function, or as a member. Neither
/// constructing nor using it asks anything of anyone; when it is full, it throws.
///
/// `Alignment` is that of the first byte. It can be neither copied nor moved. Not thread-safe.
template <std::size_t Bytes, std::size_t Alignment = alignof(std::max_align_t)>
class local_arena final : private detail::local_memory<Bytes, Alignment>, public monotonic_arena {
  static_assert(Bytes != 0, "an arena without memory serves nobody");

 public:
  local_arena() : local_arena(monotonic_arena_options{}) {}
  /// Of the options only auto_align, name and checked count.
  explicit local_arena(const monotonic_arena_options& options)
      : monotonic_arena(this->memory, Bytes, options, "local_arena") {}
  local_arena(local_arena&&) = delete;

  std::string_view kind() const noexcept override { return "local_arena"; }
};

}  // namespace allot
