#pragma once

#include <allot/container/vlarray_options.hpp>
#include <allot/core/compiler.hpp>
#include <cstddef>
#include <memory_resource>

namespace allot {

class reserving_resource;

/// Where a vlarray's memory is to come from. Sizes are in bytes.
struct ALLOT_EXPORT array_settings {
  std::pmr::memory_resource* resource = nullptr;  ///< null: default_reserving_resource()
  std::size_t max_bytes = 0;                      ///< 0: what the resource has
  bool may_move = false;  ///< go on at other addresses where there is no more room, beyond max_bytes too

  /// `resource`, or what null stands for.
  std::pmr::memory_resource* source() const noexcept;
};

/// The memory of one vlarray: a reservation that is committed as it fills, or one block of any memory_resource that
/// grows in place where it can. Nothing is asked for before the first growth.
///
///     data          data + committed       data + size
///     | usable .....| reserved: faults      |
///
/// A plain value that owns nothing by itself. Who throws has changed nothing. `used` counts the bytes of elements;
/// `alignment` is that of the elements, at least memory_tools::granule. Not thread-safe.
struct ALLOT_EXPORT array_memory {
  std::byte* data = nullptr;                ///< null: no memory yet
  std::size_t size = 0;                     ///< reserved, or of the block
  std::size_t committed = 0;                ///< usable; of a block, all
  reserving_resource* reserving = nullptr;  ///< of a reservation: whose it is; null for a block
  bool watched = false;                     ///< a memory tool must be told how much is in use

  /// Makes at least `bytes` usable, in place. False where the reservation or block ends before; a budget_slice has
  /// heard of that then, unless the array may move.
  /// @throws allocation_error or what the resource throws
  bool grow(const array_settings& settings, std::size_t bytes, std::size_t alignment);

  /// The same for `more` bytes behind those in use. A memory tool lets these be touched.
  /// @throws as grow()
  bool make_room(const array_settings& settings, std::size_t used, std::size_t more, std::size_t alignment);

  /// Reserves more, at other addresses if need be, by moving pages, and makes `bytes` usable. False for blocks.
  /// @throws as grow()
  bool remap(std::size_t used, std::size_t bytes, std::size_t alignment);

  /// Memory from the same place with at least `bytes` usable, and room to go on.
  /// @throws as grow()
  array_memory larger(array_settings settings, std::size_t bytes, std::size_t alignment) const;

  /// Gives the memory behind the first `kept` bytes back to the system, of a reservation.
  void shrink(std::size_t used, std::size_t kept) noexcept;

  /// Backs the first `bytes`, which are usable, with memory. Where the system cannot, the first touch will do that.
  void prefault(std::size_t bytes) const noexcept;

  /// Gives all back; what is in this object afterwards means nothing.
  void release(const array_settings& settings, std::size_t alignment) const noexcept;

  /// The most that can become usable, as far as one can know.
  std::size_t most(const array_settings& settings, std::size_t alignment) const noexcept;
  /// The same once growing was refused.
  std::size_t had(const array_settings& settings, std::size_t alignment) const noexcept;

  /// Tells a memory tool that elements end elsewhere now.
  void move_end(const void* old_end, const void* new_end) const noexcept;

  /// What arrays say when something is wrong: std::length_error (in elements), std::out_of_range, and a report of
  /// misuse (overrun), after which the caller goes on if the handler returns.
  /// @{
  [[noreturn]] static void throw_length_error(std::size_t count, std::size_t most);
  [[noreturn]] static void throw_out_of_range(std::size_t index, std::size_t size);
  static void report_no_capacity(const void* end);
  /// @}
};

}  // namespace allot
