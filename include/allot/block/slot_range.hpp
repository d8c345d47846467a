#pragma once

#include <allot/core/checked_size.hpp>
#include <allot/core/compiler.hpp>
#include <allot/os/virtual_memory.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace allot {

/// One reservation cut into slots of the same size between inaccessible pages, which neighbours share:
///
///     | guard | slot | guard | slot | guard | ... | slot | guard |
///
/// Slots are inaccessible, too, until os::unguard() opens pages of them. Who has which slot is the owner's to remember.
///
/// Not thread-safe, but for contains().
class ALLOT_EXPORT slot_range {
 public:
  /// @param slots       0 for a range that is never opened
  /// @param slot_bytes  rounded up to pages
  slot_range(std::size_t slots, std::size_t slot_bytes) noexcept;
  ~slot_range() { close(); }
  slot_range(const slot_range&) = delete;
  slot_range& operator=(const slot_range&) = delete;

  bool exists() const noexcept { return slots_ != 0; }             ///< whether it has slots, open or not
  std::size_t slot_bytes() const noexcept { return slot_bytes_; }  ///< whole pages; 0 where open() cannot succeed

  /// Where it begins, once it is open.
  void* begin() const noexcept { return reinterpret_cast<void*>(begin_.load(std::memory_order_relaxed)); }

  /// Bytes of addresses held: none before open() and after close().
  std::size_t bytes() const noexcept { return open_bytes_.load(std::memory_order_acquire); }

  /// Whether p lies in the open range. One comparison and no lock: whoever was handed an address of the range may ask.
  bool contains(const void* p) const noexcept {
    const std::size_t open = bytes();  // first: who sees it sees where it begins
    return address_of(p) - begin_.load(std::memory_order_relaxed) < open;
  }

  /// Reserves the range, if that has not been done.
  os::status open() noexcept;

  /// Gives the range back; all slots are new then.
  void close() noexcept;

  /// The start of the next slot that was never taken; null when there is none. take_new() takes it.
  std::byte* next_new() const noexcept { return used_ < slots_ ? slot(used_) : nullptr; }
  void take_new() noexcept { ++used_; }  ///< only where next_new() is not null

  /// The start of the slot p lies in.
  std::byte* slot_of(const void* p) const noexcept;

 private:
  std::byte* slot(std::size_t index) const noexcept;

  std::size_t slots_;
  std::size_t slot_bytes_;
  std::size_t bytes_ = 0;  // of the range when open; 0: more than there can be
  std::size_t used_ = 0;
  std::atomic<std::uintptr_t> begin_{0};
  std::atomic<std::size_t> open_bytes_{0};
};

}  // namespace allot
