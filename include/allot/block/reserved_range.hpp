#pragma once

#include <allot/block/commit_ladder.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/compiler.hpp>
#include <allot/os/virtual_memory.hpp>
#include <cstddef>

namespace allot {

/// Owns address space of which a growing first part can be used: for whatever grows at one end and should not move.
///
///     | committed: may be touched | reserved: faults | one page more that always faults |
///     data()                                         data() + size()
///
/// Move-only. Not thread-safe.
class ALLOT_EXPORT reserved_range {
 public:
  reserved_range() noexcept = default;
  reserved_range(reserved_range&& other) noexcept;  ///< the other is empty then
  reserved_range& operator=(reserved_range&&) = delete;
  ~reserved_range() { release(); }

  /// Reserves `bytes`, rounded up to pages of the ladder's size (a multiple of the system's), in place of what there
  /// was. On refusal half of it is asked for, and so on down to `least` bytes. The range starts at a multiple of
  /// `alignment` (a power of two), of the page size where that is a power of two, and of a large page where the ladder
  /// wants such. On failure nothing has changed.
  [[nodiscard]] os::status reserve(std::size_t bytes, std::size_t least, const commit_ladder& ladder,
                                   std::size_t alignment = 1) noexcept;

  /// Makes at least the first `needed` bytes usable, as far as the ladder says or the system grants, but never more
  /// than `most`: limit_reached where whole pages do not come out at less. What was never committed before, or
  /// decommitted since, reads zero. On failure nothing has changed.
  [[nodiscard]] os::status commit(std::size_t needed, std::size_t most = max_object_bytes) noexcept;

  /// Gives the memory behind the first `kept` bytes, rounded up to pages, back to the system; the addresses stay.
  /// On failure nothing has changed.
  [[nodiscard]] os::status decommit(std::size_t kept) noexcept;

  /// Changes the size, in place if it can be, else by moving the pages, else by copying; contents stay up to the
  /// smaller size.
  /// @param may_move  false: fail with address_in_use instead of moving
  /// @param needed    bytes that are usable afterwards, as after commit(); 0: those that are
  /// On failure nothing has changed.
  [[nodiscard]] os::status resize(std::size_t bytes, bool may_move, std::size_t needed = 0) noexcept;

  /// Gives everything back; the range is empty then. Twice is harmless.
  void release() noexcept;

  /// The range in numbers, for whoever keeps them in a place of their own.
  struct extent {
    std::byte* data = nullptr;  ///< null: there is none
    std::size_t size = 0;       ///< bytes reserved
    std::size_t committed = 0;  ///< bytes from `data` on that may be touched
  };

  /// Hands the range over: this one is empty then.
  extent detach() noexcept;

  /// Takes over what detach() gave, with the ladder and alignment it was reserved with.
  reserved_range(const extent& parts, const commit_ladder& ladder, std::size_t alignment) noexcept
      : data_(parts.data), size_(parts.size), committed_(parts.committed), alignment_(alignment), ladder_(ladder) {}

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t committed() const noexcept { return committed_; }  ///< bytes that may be touched
  bool empty() const noexcept { return data_ == nullptr; }

 private:
  bool whole_pages(std::size_t bytes, std::size_t& rounded) const noexcept;
  os::status move_to(std::size_t bytes, std::size_t needed) noexcept;
  std::byte* committed_end() const noexcept { return data_ + committed_; }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t committed_ = 0;
  std::size_t alignment_ = 1;
  commit_ladder ladder_;
};

}  // namespace allot
