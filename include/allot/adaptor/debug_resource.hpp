#pragma once

#include <allot/adaptor/adaptor_resource.hpp>
#include <allot/block/block_table.hpp>
#include <allot/block/stack_book.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <allot/os/call_stack.hpp>
#include <allot/os/fork_mutex.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>

namespace allot {

/// What a debug_resource looks for, and what that may cost.
struct debug_options {
  /// Who may use the resource.
  enum class threads {
    any,       ///< all may use it, as far as the upstream lets them
    own_only,  ///< the constructing thread, or the one that took it over; use by another is misuse
  };

  std::size_t fence_bytes = 16;  ///< watched before and behind each block; 0: none, and no byte is added to a block
  bool fill_fresh = true;        ///< new blocks are filled with fresh_pattern
  bool fill_freed = true;        ///< freed blocks are filled with freed_pattern, and writes to them are found
  std::size_t quarantine_bytes = std::size_t{64} << 10;  ///< most upstream bytes of freed blocks kept back; 0: none
  bool record_stacks = true;                             ///< where each block was allocated and freed, for all reports
  bool report_leaks = true;                              ///< at destruction: what is still live then, as a note
  bool report_leaks_at_exit = false;                     ///< the same when the program ends before the resource does
  threads used_by = threads::any;                        ///< who may use it
  std::string_view name = {};                            ///< what reports call it; empty: its kind
};

/// A live block of a debug_resource.
struct debug_block {
  const void* begin = nullptr;            ///< its first byte
  std::size_t bytes = 0;                  ///< as asked for
  std::size_t alignment = 0;              ///< as asked for
  std::uint64_t number = 0;               ///< blocks are numbered from 1 on, in the order of their allocation
  const os::call_stack* stack = nullptr;  ///< where it was allocated; null where that is not recorded
};

/// Finds misuse of memory at a desk and in tests, over any upstream: writes beside a block or after its free, double
/// frees, pointers that are foreign or inside a block, sizes and alignments that are not the block's, leaks. Each is
/// reported with the block and the call stacks of what is done now, of its allocation and of its free.
///
/// What was handed out is remembered in pages of its own, so every deallocate() is checked exactly. A block lies
/// between two fences in what the upstream gave for it:
///
///     | slack, fence | bytes asked for | fence, slack |
///
/// both of fence_bytes at least; the first is a multiple of the alignment, and so is the sum. Of long ones the 4 KiB
/// nearest to the block are watched. They are looked at by deallocate(), try_expand(), check(), release() and the
/// destructor. A freed block keeps its addresses in a bounded quarantine, the oldest leaving first, and is looked at
/// for writes when it leaves. The quarantine is given up before a request is refused. Where a memory tool watches,
/// fences and freed blocks are poisoned.
///
/// Thread-safe if the upstream is, but for release() and destruction; the upstream is called without a lock, so it may
/// call back. A child of fork() can go on at once.
class ALLOT_EXPORT debug_resource final : public adaptor_resource {
 public:
  static constexpr unsigned char fence_pattern = 0xfd;  ///< each byte of a fence
  static constexpr unsigned char fresh_pattern = 0xcd;  ///< each byte of a new block, with fill_fresh
  static constexpr unsigned char freed_pattern = 0xdd;  ///< each byte of a freed block, with fill_freed

  /// Asks the system for no memory.
  /// @param upstream  must outlive this object, and not take blocks back on its own: see docs/debug_resource.md
  explicit debug_resource(upstream_ref upstream, const debug_options& options = {}) noexcept;
  /// Reports damage and leaks. All blocks go back upstream, leaked ones too.
  ~debug_resource() override;

  /// @throws what the upstream throws, or allocation_error when a size does not fit with its fences, the system refuses
  ///         pages for the books, or the call is misuse; nothing has changed, but that the quarantine may be empty
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return debug_resource::do_allocate(bytes, alignment);
  }
  /// Misuse has no effect. Damage to the block or to one that leaves the quarantine is reported, and both go their
  /// ways.
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    debug_resource::do_deallocate(p, bytes, alignment);
  }

  /// The number of the block allocated last; 0 when there was none. release() does not change it.
  std::uint64_t newest() const noexcept;

  /// Calls visit(const debug_block&) for every live block, in no stated order; what it throws passes through. It runs
  /// with the resource locked and must not call it.
  template <class Visit>
  void for_each_live(Visit visit) const {
    const std::lock_guard lock(mutex_);
    blocks_.for_each([&](const block_table::entry& block) {
      if (!block.freed) visit(as_live(block));
    });
  }

  /// With threads::own_only: from now on the resource belongs to the calling thread.
  void take_over() noexcept;

  std::string_view kind() const noexcept override { return "debug_resource"; }
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  /// Succeeds where the upstream can, or where slack is enough. Misuse and damage are reported; then it fails.
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  /// `used` counts bytes as asked for; `committed` upstream bytes of live blocks, fences included, and `reserved` those
  /// in quarantine too; `wasted` is fences and slack.
  memory_usage usage() const noexcept override;
  /// Whether p points into a block, live or in quarantine, or into its fences. Takes time for each block, as do
  /// find_block() and reports about pointers that are no block's start.
  bool owns(const void* p) const noexcept override;
  /// The block p points into, fences not included, as asked for; state free for one in quarantine.
  block_info find_block(const void* p) const noexcept override;
  block_extent live_block(const void* /*p*/) const noexcept override { return {}; }
  bool try_look_at(const void* p, block_sight& seen) const noexcept override;
  /// Reports damage, gives all blocks back, and releases the upstream where that is one of ours.
  void release() noexcept override;
  bool can_release() const noexcept override { return true; }
  /// Empties the quarantine, and has the upstream trim; returns the sum of what both gave back.
  std::size_t trim() noexcept override;
  /// Looks at all fences and freed blocks as well; of those with damage the one allocated first is reported. Then the
  /// upstream's check(), where that is one of ours: some ask that no other thread uses them meanwhile.
  bool check() const noexcept override;
  /// Visits blocks in quarantine, too.
  void for_each_block(block_visitor visitor) const override;

 private:
  using entry = block_table::entry;
  class finding;
  class expected_block;
  class leaks_at_exit;
  struct burial {
    debug_resource& memory;
    const entry& block;
    ~burial();
  };

  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;

  static debug_block as_live(const entry& block) noexcept {
    const os::call_stack* const stack = block.stacks != nullptr ? &block.stacks->allocated : nullptr;
    return {block.address, block.requested, block.alignment, block.stamp, stack};
  }

  // Without the lock:
  os::call_stack here() const noexcept;
  bool belongs_to_caller(const os::call_stack& caller) const;
  void* allocate_upstream(std::size_t bytes, std::size_t alignment);
  bool report_damage(const entry& block, const os::call_stack& caller) const;
  bool expand(entry& block, std::size_t new_bytes) noexcept;
  std::size_t give_up_freed(std::size_t most);
  void give_back(const entry& freed);
  void give_all_back() noexcept;

  // With the lock:
  entry* find_for_use(const void* p, std::size_t bytes, std::size_t alignment) noexcept;
  finding misuse_of(const void* p, std::size_t bytes, std::size_t alignment) noexcept;
  const entry* around(const void* p) const noexcept;
  void put_in_quarantine(entry& block) noexcept;
  void forget(entry& lost) noexcept;
  entry take_oldest() noexcept;
  bool adds_up() const noexcept;

  const std::size_t fence_bytes_;
  const std::size_t quarantine_bytes_;
  const bool fill_fresh_;
  const bool fill_freed_;
  const bool record_stacks_;
  const bool at_exit_;
  bool report_leaks_;
  std::atomic<std::uint64_t> owner_;  // number of the thread it belongs to; 0: all

  mutable os::fork_mutex mutex_;  // guards all below
  block_table blocks_;
  stack_book stacks_;
  memory_usage usage_;
  std::uint64_t newest_ = 0;
  std::size_t expected_ = 0;      // blocks that are to come into the table, and have room there
  void* oldest_freed_ = nullptr;  // the quarantine: a chain through the table, from here by entry::next
  void* youngest_freed_ = nullptr;
  std::size_t freed_bytes_ = 0;

  debug_resource* next_at_exit_ = nullptr;  // guarded by the list's mutex
};

}  // namespace allot
