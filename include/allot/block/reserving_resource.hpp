#pragma once

#include <allot/block/block_table.hpp>
#include <allot/block/commit_ladder.hpp>
#include <allot/block/range_cache.hpp>
#include <allot/block/reservation.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <atomic>
#include <cstddef>
#include <memory_resource>
#include <mutex>
#include <string_view>

namespace allot {

/// How much address space, and how it becomes memory.
struct reserving_resource_options {
  /// Bytes reserve() takes when it is not told: address space, not memory.
  std::size_t reservation = sizeof(void*) >= 8 ? std::size_t{1} << 30 : std::size_t{64} << 20;
  commit_policy policy = commit_policy::ladder;   ///< how far beyond what is needed to commit
  std::size_t fixed_step = std::size_t{2} << 20;  ///< bytes, for commit_policy::fixed_step
  bool huge_pages =
      true;  ///< align reservations to huge pages and advise the system to use them beyond the first 2 MiB
  std::size_t cached_ranges = range_cache::most_ranges;  ///< most ranges kept for reuse, up to 64; 0: none
  std::size_t cached_bytes = std::size_t{64} << 20;      ///< most committed bytes in them
  std::string_view name = {};                            ///< what reports call it; empty: its kind
};

/// Address space that is committed as it is needed: for what grows in place and must not move, such as vlarray.
///
/// reserve() takes address space, which costs no memory; its parts become memory by commit() and nothing again by
/// decommit(). A range that is given back is kept, with its memory, for the next who asks for one of its size: making
/// one anew costs three system calls and the page faults, taking a kept one tens of nanoseconds. So memory of a
/// reservation may hold old bytes; only what the system gives anew, or what was decommitted, reads zero. trim() empties
/// that cache. A reservation the system refuses is tried for with half the size, down to what the caller needs, after
/// the cache has been given up; size() of the reservation says what came of it.
///
/// As a memory_resource it reserves and commits what is asked, in whole pages. Every range has a page behind it that
/// faults. A range takes two map entries, so a process can have about 32,000 on Linux unless vm.max_map_count is
/// raised.
///
/// What was handed out is remembered in pages of its own, so every deallocate is checked exactly, always: an address
/// that is not the start of a live block, a wrong size or a wrong alignment is misuse.
///
/// Thread-safe, but for release() and destruction. Constructing one asks the system for nothing.
class ALLOT_EXPORT reserving_resource final : public resource {
 public:
  reserving_resource() noexcept : reserving_resource(reserving_resource_options{}) {}
  /// Copies the name.
  explicit reserving_resource(const reserving_resource_options& options) noexcept;
  ~reserving_resource() override;

  /// Address space of `bytes`, rounded up to pages; of options.reservation where that is 0. What the system refuses is
  /// tried for with half the size and so on, but not with less than `least` bytes.
  /// @param alignment  of data(), a power of two; pages and huge pages are aligned anyway
  /// @throws allocation_error; nothing has changed
  reservation reserve(std::size_t bytes = 0, std::size_t least = 0, std::size_t alignment = 1);
  /// The same, but an empty reservation and the reason instead of an exception.
  reservation try_reserve(std::size_t bytes, std::size_t least, std::size_t alignment, os::status& outcome) noexcept;

  /// The most a reservation can have when reserve() is not told otherwise: options.reservation, or, once the system
  /// refused that, what was granted instead. No range is kept as long as that is so, and the first that comes back
  /// makes it try for all again, as trim() does.
  std::size_t max_size() const noexcept { return default_size_.load(std::memory_order_relaxed); }

  /// Whether a memory tool watches this process.
  bool watched() const noexcept { return tool_; }

  /// @throws allocation_error; nothing has changed
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return reserving_resource::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    reserving_resource::do_deallocate(p, bytes, alignment);
  }

  std::string_view kind() const noexcept override { return "reserving_resource"; }
  const void* exact_class() const noexcept override;
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  /// Within its last page a block always fits; beyond, it grows where the addresses behind it are free.
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  std::size_t available() const noexcept override;  ///< committed bytes in the cache
  /// Of reservations, `used` counts what is committed.
  memory_usage usage() const noexcept override;
  bool owns(const void* p) const noexcept override;
  block_info find_block(const void* p) const noexcept override;  ///< of a reservation, all of it
  bool try_look_at(const void* p, block_sight& seen) const noexcept override;
  void release() noexcept override;
  bool can_release() const noexcept override { return true; }
  std::size_t trim() noexcept override;  ///< gives the cache back to the system; returns its committed bytes
  bool check() const noexcept override;
  void for_each_block(block_visitor visitor) const override;

 private:
  friend class reservation;
  friend ALLOT_EXPORT reserving_resource& default_reserving_resource() noexcept;
  using extent = reserved_range::extent;
  struct obtained {
    extent range;
    os::status outcome;
  };

  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;

  commit_ladder ladder() const noexcept;
  reserved_range as_range(const extent& parts, std::size_t alignment = 1) const noexcept {
    return {parts, ladder(), alignment};
  }
  static bool is_reservation(const block_table::entry& block) noexcept { return block.alignment == 0; }

  enum class purpose { reservation, block };
  obtained obtain(std::size_t bytes, std::size_t least, std::size_t alignment, purpose use) noexcept;
  extent from_cache(std::size_t size, std::size_t alignment, purpose use) noexcept;
  obtained new_range(std::size_t bytes, std::size_t least, std::size_t alignment) noexcept;
  obtained allocate_block(std::size_t bytes, std::size_t alignment) noexcept;
  void give_back(const extent& range);
  bool keep(const extent& range) noexcept;
  void keep_or_release(extent range) noexcept;
  void forget(const extent& range) noexcept;
  std::size_t empty_cache() noexcept;
  bool resize_block(block_table::entry& block, std::size_t bytes) noexcept;
  os::status resize_reservation(extent& range, std::size_t bytes, bool may_move, std::size_t alignment,
                                std::size_t needed) noexcept;
  void count_committed(std::size_t before, std::size_t now) noexcept;
  void log_growth(std::size_t before, std::size_t now) const noexcept;
  void log_given_back(std::size_t bytes) const noexcept;
  void count_reservation(std::size_t before, std::size_t now) noexcept;
  void count_used(std::size_t more) noexcept;

  mutable std::mutex mutex_;  // guards what follows
  block_table blocks_;        // cached ranges are `freed` there
  range_cache cache_;
  memory_usage usage_;
  std::size_t rounded_away_ = 0;  // bytes of live blocks beyond what was asked for
  reserving_resource_options options_;

  std::atomic<std::size_t> default_size_;  // what reserve() asks for when it is not told
  const bool tool_;                        // a memory tool watches
};

/// The instance that serves every vlarray which names none. It reserves 1 GiB at a time (64 MiB with 32-bit addresses),
/// or a 32nd of what RLIMIT_AS leaves when it is made, but at least 1 MiB. Made at the first call, never destroyed; its
/// locks are free in the child after a fork. Thread-safe.
ALLOT_EXPORT reserving_resource& default_reserving_resource() noexcept;

/// The reserving_resource behind a plain memory_resource pointer, or null when it is none.
ALLOT_EXPORT reserving_resource* as_reserving_resource(std::pmr::memory_resource* p) noexcept;

}  // namespace allot
