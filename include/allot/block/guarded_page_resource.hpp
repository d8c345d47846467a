#pragma once

#include <allot/block/block_table.hpp>
#include <allot/block/slot_range.hpp>
#include <allot/block/stack_book.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/misuse.hpp>
#include <allot/core/resource.hpp>
#include <allot/os/call_stack.hpp>
#include <allot/os/fault_hook.hpp>
#include <allot/os/fork_mutex.hpp>
#include <allot/os/virtual_memory.hpp>
#include <cstddef>
#include <optional>
#include <string_view>

namespace allot {

/// Where blocks lie between their guards, and what is kept of those that were freed.
struct guarded_page_options {
  /// Which end of a block is watched to the byte.
  enum class placement {
    end,          ///< the end of a block touches the guard behind it, as closely as its alignment lets it
    start,        ///< the start of a block touches the guard before it
    alternating,  ///< one block at the end, the next at the start
  };

  placement at = placement::end;                         ///< which guard blocks touch
  std::size_t quarantine_blocks = 4096;                  ///< most freed blocks kept inaccessible; 0 for none
  std::size_t quarantine_bytes = std::size_t{64} << 20;  ///< most address space they take, guards included
  bool explain_faults = false;  ///< say on standard error which block a fault is at; see explain()
  bool record_stacks = false;   ///< remember where each block was allocated and freed, and tell it in all reports
  std::size_t slots = 0;        ///< most blocks at a time, all in one range of addresses; 0: no bound, anywhere
  std::size_t slot_bytes = 0;   ///< with slots: the largest block, rounded up to pages
  std::string_view name = {};   ///< what reports call it; empty: its kind
};

/// Finds out who writes or reads outside a block, or in one that was freed: a resource for hunting bugs. Every block
/// has pages of its own between two guards, so the first byte too many faults where it happens:
///
///     placement::end:    | lead guard | slack  block slack* | tail guard |
///     placement::start:  | lead guard | block         slack | tail guard |
///
/// (*) less than the alignment asked for, and none where the size is a multiple of it.
/// Slack holds a pattern, and one that has changed is misuse (overrun, underrun), found at deallocate(), try_expand(),
/// check(), release() and destruction. A freed block loses its contents and stays inaccessible, in a bounded quarantine
/// that gives up its oldest first.
///
/// A block costs at least a page of memory, three of addresses and about five system calls. What was handed out is
/// remembered in pages of its own, so every deallocate is checked exactly, always. New blocks are zero.
///
/// With `slots` all blocks lie in one range that is reserved at the first of them, as in GWP-ASan (LLVM): each in a
/// slot of its own, with a guard between neighbours. contains() then tells their addresses from all others without a
/// lock. A freed block stays inaccessible until its slot is needed; the one freed first goes first.
///
/// Thread-safe, but for release() and destruction. Constructing one asks the system for no memory.
class ALLOT_EXPORT guarded_page_resource final : public resource {
 public:
  guarded_page_resource() noexcept : guarded_page_resource(guarded_page_options{}) {}
  /// With explain_faults it has an os::fault_hook as long as it lives.
  explicit guarded_page_resource(const guarded_page_options& options) noexcept;
  ~guarded_page_resource() override;

  /// @throws allocation_error; nothing has changed
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return guarded_page_resource::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    guarded_page_resource::do_deallocate(p, bytes, alignment);
  }

  std::string_view kind() const noexcept override { return "guarded_page_resource"; }
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  /// Succeeds where a block of the new size would lie just there in the same pages, so that the placement keeps its
  /// promise: to any size that fits the pages with placement::start, within the slack behind it with placement::end.
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  /// `reserved` counts guards and quarantine, `committed` the pages of live blocks.
  memory_usage usage() const noexcept override;
  /// Whether p points into the pages of a block, live or in quarantine, or into their guards.
  bool owns(const void* p) const noexcept override;
  /// The block p points into, slack not included.
  block_info find_block(const void* p) const noexcept override;
  bool try_look_at(const void* p, block_sight& seen) const noexcept override;
  void release() noexcept override;
  bool can_release() const noexcept override { return true; }
  /// Empties the quarantine; nothing with `slots`, where it holds no more than addresses.
  std::size_t trim() noexcept override;
  /// Looks at all slack as well; the first block with damage is reported as misuse.
  bool check() const noexcept override;
  /// Visits blocks in quarantine, too.
  void for_each_block(block_visitor visitor) const override;

  /// Whether p lies in the range of the slots. No lock is taken.
  bool contains(const void* p) const noexcept { return slots_.contains(p); }

  /// Writes in words, without a line end, what lies at an address: "1 byte past the end of a live block of 24 bytes at
  /// 0x..." and its like, with record_stacks followed by lines that say where it was allocated and freed. Returns the
  /// length, cut off when too long; 0 when owns(address) is false. Not for signal handlers: use options.explain_faults.
  std::size_t explain(const void* address, char* buffer, std::size_t size) const noexcept;

 private:
  using entry = block_table::entry;
  struct explanation;
  struct finding;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;

  // With the mutex locked, but for on_fault():
  os::mapping map_block(std::size_t bytes, std::size_t alignment, const os::call_stack& caller) noexcept;
  os::mapping map_pages(std::size_t usable, std::size_t alignment, bool at_end) noexcept;
  os::mapping open_slot(std::size_t usable, std::size_t alignment, bool at_end) noexcept;
  bool extent_contains(const entry& block, const void* p) const noexcept;
  std::size_t mapped_for(const entry& block) const noexcept;
  std::optional<finding> damage_of(const entry& block) const noexcept;
  void mark_freed(entry& block, const os::call_stack& caller) noexcept;
  void quarantine(entry& block) noexcept;
  void append_to_quarantine(entry& block) noexcept;
  void take_from_quarantine(const entry& oldest) noexcept;
  void forget_oldest() noexcept;
  bool unmap_oldest() noexcept;
  void unmap_all_freed() noexcept;
  entry nearest_to(const void* address, std::size_t& least) const noexcept;
  explanation describe(const void* address) const noexcept;
  static void on_fault(void* self, const void* address) noexcept;

  const guarded_page_options::placement placement_;
  const std::size_t most_freed_blocks_;
  const std::size_t most_freed_bytes_;

  const bool record_stacks_;

  mutable os::fork_mutex mutex_;  // guards all below but hook_
  block_table blocks_;
  memory_usage usage_;
  void* oldest_freed_ = nullptr;  // the quarantine: a chain through the table, from here by entry::next
  void* youngest_freed_ = nullptr;
  std::size_t freed_blocks_ = 0;
  std::size_t freed_bytes_ = 0;
  slot_range slots_;
  stack_book stacks_;
  bool next_at_end_ = true;  // with placement::alternating

  std::optional<os::fault_hook> hook_;  // the last member: it is gone before what it looks at
};

}  // namespace allot
