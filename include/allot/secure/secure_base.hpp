#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <allot/os/fork_mutex.hpp>
#include <allot/secure/secure_options.hpp>
#include <allot/secure/secure_report.hpp>
#include <atomic>
#include <cstddef>
#include <string_view>

namespace allot {

namespace secure {
class secure_state;
}

/// What secure_resource and synchronized_secure_resource have in common: all but the question of threads.
class ALLOT_EXPORT secure_base : public resource {
 public:
  ~secure_base() override;

  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  /// Succeeds where a block of the new size would have the same place.
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  memory_usage usage() const noexcept override;
  /// Whether p points into a region or large block of this resource, guards included.
  bool owns(const void* p) const noexcept override;
  /// The block p points into; state quarantined for one that was freed and whose place was not used again. Of those
  /// level trap remembers nothing.
  block_info find_block(const void* p) const noexcept override;
  block_extent live_block(const void* p) const noexcept override;
  bool try_look_at(const void* p, block_sight& seen) const noexcept override;
  /// Checks every block as check() does, wipes all memory and gives it back. Its addresses stay inaccessible for as
  /// long as there is room for them; see retired_address_limit().
  void release() noexcept override;
  bool can_release() const noexcept override { return true; }
  /// Empties the quarantine and gives back slabs and mappings that hold no block.
  std::size_t trim() noexcept override;
  /// Looks at all canaries, freed blocks, records and counts; the first damage is reported as misuse.
  bool check() const noexcept override;
  /// Visits live blocks, and those find_block() calls quarantined, here as free.
  void for_each_block(block_visitor visitor) const override;

  /// What this resource really got from the system.
  secure_report report() const noexcept;
  /// The options in force, every one set.
  const secure_options& options() const noexcept { return options_; }

 protected:
  /// @param synchronized  calls of several threads wait for each other
  secure_base(const secure_options& options, bool synchronized) noexcept;

  /// @throws allocation_error; nothing has changed
  void* do_allocate(std::size_t bytes, std::size_t alignment) final;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) final;

 private:
  class call;
  struct outcome;

  bool is_ready() const noexcept;
  bool may_work(const call& in, outcome& result) const;
  void take_finding(outcome& result) const;
  void report(const outcome& result) const;
  void* allocate_guarded(std::size_t bytes, std::size_t alignment);
  void deallocate_guarded(void* p, std::size_t bytes, std::size_t alignment);
  void* allocate_slowly(void* p, std::size_t bytes, std::size_t alignment, bool throws);
  void* make_and_allocate(std::size_t bytes, std::size_t alignment, outcome& result);
  void deallocate_slowly(void* p, std::size_t bytes, std::size_t alignment, bool done);
  void classify(const void* p, std::size_t bytes, std::size_t alignment, outcome& result) const;

  const secure_options options_;
  const bool fork_required_;
  const bool synchronized_;
  const bool watches_threads_;
  const bool unguarded_;          // neither
  mutable os::fork_mutex mutex_;  // locked around every call when synchronized_
  mutable std::atomic<bool> busy_{false};
  mutable unsigned forks_ = 0;
  secure::secure_state* state_ = nullptr;  // in pages of its own, from the first allocation on
};

}  // namespace allot
