#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/misuse.hpp>
#include <allot/core/resource.hpp>
#include <cstddef>
#include <optional>

namespace allot {

/// What stands behind the blocks of a checked arena, so that misuse of a block is found.
///
///     | block: bytes asked for | pad, 8 to 15 bytes | fence | next block ...
///
/// A write past the end of a block damages the pad or the fence. Fences are chained from the newest to the oldest, so
/// that a block is known by its fence: its size, and whether it was freed. The sum over a fence's own fields says
/// whether it can be believed. Where a memory tool watches, the pad is poisoned and the tool looks after it.
///
/// Reports lack the name of the arena. A region is what the arena has in use around a block. Not thread-safe.
class ALLOT_EXPORT block_fences {
 public:
  block_fences() noexcept;
  block_fences(block_fences&& other) noexcept;  ///< the other knows of no block
  block_fences& operator=(block_fences&&) = delete;
  ~block_fences() = default;

  /// Bytes of pad and fence behind a block of that size.
  static std::size_t gap(std::size_t bytes) noexcept;

  /// Sets the fence of a block that was just served with the gap; the arena is at `position` behind it.
  void put(std::byte* p, std::size_t bytes, std::size_t position) noexcept;
  /// Some block had no room for a fence.
  void note_unfenced() noexcept { unfenced_blocks_ = true; }

  /// Forgets the fences above `position`, and all when one cannot be believed. Then this is an overrun.
  std::optional<misuse_report> drop(std::size_t position) noexcept;
  /// There is no block any more.
  void clear() noexcept;
  /// Blocks may have moved: nothing is known of them any more.
  void forget() noexcept;

  /// Looks whether a block can be freed as the caller says, and notes that it is; otherwise says what is wrong.
  std::optional<misuse_report> free(const block_info& region, const void* p, std::size_t bytes,
                                    std::size_t alignment) noexcept;

  /// Whether this may be a live block of that size, as far as fences tell.
  bool may_be_live(const block_info& region, const void* p, std::size_t bytes) const noexcept;
  /// Whether this is the newest block, with a fence that ends at `end`.
  bool is_newest(const void* p, std::size_t bytes, const std::byte* end) const noexcept;

  /// A live block has another size from now on, and its fence stays where it is, behind a pad of another length.
  void resize(const block_info& region, std::byte* p, std::size_t old_bytes, std::size_t new_bytes) noexcept;
  /// The newest block has another size from now on, and the arena is at `position` behind its fence.
  void move(const block_info& region, std::byte* p, std::size_t old_bytes, std::size_t new_bytes,
            std::size_t position) noexcept;

  /// Whether all fences can be believed, and none is of a block above `position`.
  bool check(std::size_t position) const noexcept;

 private:
  struct fence;

  fence* expected(const block_info& region, const void* p, std::size_t bytes) const noexcept;
  fence* find(const block_info& region, const void* p, std::size_t bytes) const noexcept;
  std::optional<misuse_report> free_fenced(const block_info& region, const void* p, std::size_t bytes) noexcept;

  fence* newest_ = nullptr;
  bool pad_counts_;               // pads hold a pattern; otherwise a memory tool looks after them
  bool unfenced_blocks_ = false;  // some had no room for a fence, or lost it
};

}  // namespace allot
