#pragma once

#include <allot/block/commit_ladder.hpp>
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
  reserved_range(reserved_range&& other) noexcept;
  reserved_range& operator=(reserved_range&&) = delete;
  ~reserved_range() { release(); }

  /// Reserves `bytes`, rounded up to pages of `page_size` bytes (a multiple of the system's), in place of what there
  /// was. On refusal half of it is asked for, and so on down to `least` bytes. The range starts at a multiple of
  /// page_size where that is a power of two, and at a large page with `huge_pages`. On failure nothing has changed.
  [[nodiscard]] os::status reserve(std::size_t bytes, std::size_t least, std::size_t page_size,
                                   bool huge_pages) noexcept;

  /// Makes at least the first `needed` bytes usable, as far as the ladder says or the system grants. What was never
  /// committed before, or decommitted since, reads zero. On failure nothing has changed.
  [[nodiscard]] os::status commit(std::size_t needed) noexcept;

  /// Gives the memory behind the first `kept` bytes, rounded up to pages, back to the system; the addresses stay.
  /// On failure nothing has changed.
  [[nodiscard]] os::status decommit(std::size_t kept) noexcept;

  /// Changes the size, in place if it can be, else by moving the pages, else by copying; contents stay up to the
  /// smaller size.
  /// @param may_move  false: fail with address_in_use instead of moving
  /// On failure nothing has changed.
  [[nodiscard]] os::status resize(std::size_t bytes, bool may_move) noexcept;

  void release() noexcept;

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t committed() const noexcept { return committed_; }
  bool empty() const noexcept { return data_ == nullptr; }

 private:
  bool whole_pages(std::size_t bytes, std::size_t& rounded) const noexcept;
  std::size_t alignment() const noexcept;
  os::status move_to(std::size_t bytes) noexcept;
  std::byte* committed_end() const noexcept { return data_ + committed_; }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t committed_ = 0;
  commit_ladder ladder_;
};

}  // namespace allot
