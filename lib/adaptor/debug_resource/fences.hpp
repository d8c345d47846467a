#pragma once

#include <allot/block/block_table.hpp>
#include <array>
#include <cstddef>

/// The bytes of a debug_resource's block: where they lie, what is in them, and what is wrong with them. What is looked
/// at is the caller's alone, or locked.
namespace allot::debug_fences {

using entry = block_table::entry;

/// Sets `lead` and `mapped`, which is what the upstream is asked for. False, and nothing is set, when that does not
/// fit.
[[nodiscard]] bool lay_out(entry& block, std::size_t fence_bytes) noexcept;

/// What the upstream gave.
inline std::byte* start_of(const entry& block) noexcept { return static_cast<std::byte*>(block.address) - block.lead; }

/// Bytes that do not hold what was put there.
struct damage {
  enum class part { before, behind, inside };

  const std::byte* first = nullptr;  ///< null: there are none
  std::size_t changed = 0;
  part where = part::before;
  std::array<unsigned char, 8> now{};  ///< what is there, from the first to the last changed
  std::size_t known = 0;               ///< how many of these

  explicit operator bool() const noexcept { return first != nullptr; }
};

/// Writes the fences of a block. `put_behind` the second alone.
void put(const entry& block, std::size_t fence_bytes) noexcept;
void put_behind(const entry& block, std::size_t fence_bytes) noexcept;

/// Fills so many bytes that are about to be handed out, and are undefined after that.
void hand_out(void* p, std::size_t bytes, bool fill) noexcept;

/// The bytes behind a block are about to be the upstream's, which may resize what it gave.
void open_behind(const entry& block) noexcept;
/// They are not, and hold what they held.
void close_behind(const entry& block) noexcept;

/// Fills a freed block, and repairs its fences.
void bury(const entry& block, std::size_t fence_bytes, bool fill) noexcept;

/// All of the block goes back to the upstream.
void give_up(const entry& block) noexcept;

damage damage_of_live(const entry& block, std::size_t fence_bytes) noexcept;
damage damage_of_freed(const entry& block, std::size_t fence_bytes, bool filled) noexcept;

}  // namespace allot::debug_fences
