#pragma once

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <atomic>
#include <cstddef>
#include <memory_resource>
#include <string_view>

namespace allot {

class memory_budget;

/// A named part of a memory_budget: so many bytes for one purpose, and how many of them it has needed.
///
///     | blocks handed out .......... |        room        |
///     data()              position ^                      ^ data() + size()
///
/// Two ways to use it, one at a time. As a memory_resource it hands blocks out by moving a position: freeing the last
/// block gives its bytes back, and when no block is live any more the whole slice is empty again, so an arena or a pool
/// on top that gives its chunks back in any order finds room. Or data() and size() are simply memory, for a manager of
/// the user's own, which may state by note_used() what it uses.
///
/// The handle owns nothing: destroying it gives no bytes back. A handle goes stale when its budget takes the bytes back
/// (clear_transient()) or ends; data() is null then.
///
/// What does not fit goes to the budget's overflow handler, see memory_budget_options.
///
/// Not thread-safe; distinct slices are independent. Counters may be read by the budget's report() at any time.
class ALLOT_EXPORT budget_slice final : public resource {
 public:
  /// The other is stale then. Blocks and counters go along; the budget's report follows.
  budget_slice(budget_slice&& other) noexcept;
  budget_slice& operator=(budget_slice&&) = delete;
  ~budget_slice() override;

  /// 0 bytes count as 1.
  /// @throws allocation_error: limit_reached where the budget says so on overflow; invalid_block when stale, which is
  ///         misuse when checked; invalid_alignment, always misuse. Whatever the fallback throws. Nothing has changed
  ///         but refused().
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    if (ALLOT_LIKELY(is_power_of_two(alignment))) {
      if (void* const p = take(std::max<std::size_t>(bytes, 1), alignment, inline_size_); ALLOT_LIKELY(p != nullptr))
        return p;
    }
    return allocate_slow(bytes, alignment);
  }

  /// An address outside the slice that is no block of the fallback, a size beyond what is handed out, and more frees
  /// than allocations are misuse; when checked, so are an address without the alignment claimed and a stale slice,
  /// where deallocate() otherwise does nothing.
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    const std::size_t start = offset_of(p);
    const std::size_t size = std::max<std::size_t>(bytes, 1);
    const std::size_t end = position();
    if (ALLOT_LIKELY(!watched_ && start < end && size <= end - start)) return put_back(start, size);
    deallocate_slow(p, bytes, alignment);
  }

  std::byte* data() const noexcept { return is_current() ? begin_ : nullptr; }
  std::size_t size() const noexcept { return is_current() ? size_ : 0; }  ///< bytes

  /// False once the bytes are not this slice's any more: after clear_transient() for a transient slice, after the end
  /// of the budget, after a move.
  bool is_current() const noexcept { return budget_ != nullptr; }

  /// Bytes from data() to the end of the last block handed out, or what note_used() said, if that is more.
  std::size_t used() const noexcept { return (std::max)(position(), noted_.load(std::memory_order_relaxed)); }
  std::size_t high_water() const noexcept {  ///< the most used() has been
    return (std::max)(high_.load(std::memory_order_relaxed), used());
  }
  /// Requests that did not fit, those the fallback served included.
  std::size_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

  /// For a manager of the user's own on data(): it uses so many bytes now. More than size() count as size().
  void note_used(std::size_t bytes) noexcept;

  /// For who gives up because try_expand() or data() has no room for so many bytes more: they count as a refused
  /// request, and the overflow handler hears of them. Of its answers only `abort` makes a difference. Does nothing when
  /// stale.
  void report_overflow(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) noexcept;

  std::string_view kind() const noexcept override { return "budget_slice"; }
  const void* exact_class() const noexcept override;
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  /// Grows the last block where there is room, and shrinks any; not blocks of the fallback.
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  std::size_t available() const noexcept override { return size() - (is_current() ? position() : 0); }
  /// Bytes of that alignment that can be had without the overflow handler: for who would like more than is needed.
  std::size_t surely_available(std::size_t alignment) const noexcept {
    const std::size_t room = available();
    const std::size_t padding = room != 0 ? padding_for(address_of(begin_) + position(), alignment) : 0;
    return room > padding ? room - padding : 0;
  }
  /// The most bytes to which try_expand() grows that block, if it is the last one; `bytes`, if not.
  std::size_t expandable_to(const void* p, std::size_t bytes) const noexcept {
    const std::size_t start = offset_of(p);
    return start < position() && bytes == position() - start ? size_ - start : bytes;
  }
  /// All of the slice counts as committed; blocks of the fallback do not count.
  memory_usage usage() const noexcept override;
  bool owns(const void* p) const noexcept override { return offset_of(p) < size(); }
  block_info find_block(const void* p) const noexcept override;  ///< the part in use, or the part that is free
  bool try_look_at(const void* p, block_sight& seen) const noexcept override;
  void for_each_block(block_visitor visitor) const override;  ///< the part in use, and what is free
  /// The slice is empty; blocks in it are dead. Blocks of the fallback live on, and the counters stay.
  void release() noexcept override;
  bool can_release() const noexcept override { return true; }
  bool check() const noexcept override;

 private:
  friend class memory_budget;

  budget_slice(memory_budget& budget, std::string_view name, std::byte* begin, std::size_t size,
               std::size_t line) noexcept;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return budget_slice::allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    budget_slice::deallocate(p, bytes, alignment);
  }

  std::size_t position() const noexcept { return position_.load(std::memory_order_relaxed); }

  /// Of an address in the slice, less than size_; of any other, more than that.
  std::size_t offset_of(const void* p) const noexcept {
    return static_cast<std::size_t>(address_of(p) - address_of(begin_));
  }

  /// Hands memory out of the first `limit` bytes, or returns null and changes nothing. No sum wraps: a position and
  /// what pads it are each below half of the address space.
  void* take(std::size_t bytes, std::size_t alignment, std::size_t limit) noexcept {
    const std::size_t end = position();
    const std::size_t start = end + padding_for(address_of(begin_) + end, alignment);
    if (start > limit || bytes > limit - start) return nullptr;
    position_.store(start + bytes, std::memory_order_relaxed);
    ++live_;
    return begin_ + start;
  }

  void put_back(std::size_t start, std::size_t bytes) noexcept {
    const std::size_t end = position();
    if (--live_ == 0) return lower(0);
    if (start + bytes == end) lower(start);
  }

  void lower(std::size_t to) noexcept {
    if (const std::size_t end = position(); end > high_.load(std::memory_order_relaxed))
      high_.store(end, std::memory_order_relaxed);
    position_.store(to, std::memory_order_relaxed);
  }

  void* allocate_slow(std::size_t bytes, std::size_t alignment);
  void deallocate_slow(void* p, std::size_t bytes, std::size_t alignment);
  void* take_annotated(std::size_t bytes, std::size_t alignment) noexcept;
  bool falls_back(std::size_t bytes, std::size_t alignment) noexcept;
  void* take_from_fallback(std::size_t bytes, std::size_t alignment);
  bool may_free(const void* p, std::size_t bytes, std::size_t alignment);
  void go_stale() noexcept;

  memory_budget* budget_;  // null: stale
  std::size_t line_;       // of the budget's report
  std::byte* begin_;       // stays when stale, to tell blocks of the slice from those of the fallback
  std::size_t size_;
  std::size_t
      inline_size_;       // what the inline path may hand out of: all, or nothing when every call must go the slow way
  std::size_t live_ = 0;  // blocks handed out; 0 exactly when the position is 0
  std::size_t fallback_live_ = 0;
  std::pmr::memory_resource* fallback_;
  std::atomic<std::size_t> position_{0};
  std::atomic<std::size_t> high_{0};  // the most used() was before it went down
  std::atomic<std::size_t> noted_{0};
  std::atomic<std::size_t> refused_{0};
  bool tool_;               // a memory tool watches: annotate
  bool annotated_ = false;  // the room is poisoned
  bool checked_;
  bool watched_;  // tool_ or checked_
};

/// The slice behind a plain memory_resource pointer, or null when it is none.
ALLOT_EXPORT budget_slice* as_budget_slice(std::pmr::memory_resource* p) noexcept;

/// Bytes that can be asked of `from` without an overflow handler hearing of it, for who would like more than is needed:
/// what surely_available() says of a slice, and no bound for any other resource.
ALLOT_EXPORT std::size_t room_without_overflow(std::pmr::memory_resource* from, std::size_t alignment) noexcept;

}  // namespace allot
