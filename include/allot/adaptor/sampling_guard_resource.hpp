#pragma once

#include <allot/adaptor/adaptor_resource.hpp>
#include <allot/block/guarded_page_resource.hpp>
#include <allot/core/compiler.hpp>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace allot {

/// Which allocations are guarded, and how.
struct sampling_guard_options {
  std::size_t rate = 5000;  ///< one allocation in so many is guarded, on average; 1: each there is a slot for; 0: none
  std::size_t slots = 64;   ///< most guarded blocks that live at a time
  std::size_t largest_bytes = std::size_t{16} << 10;  ///< of a guarded block; rounded up to pages
  guarded_page_options::placement at = guarded_page_options::placement::alternating;  ///< which end touches a guard
  bool explain_faults = true;  ///< say on standard error which guarded block a fault is at, with its stacks
  std::uint64_t seed = 0;      ///< of the distances between samples; 0: another at every construction
  std::string_view name = {};  ///< what reports call it; empty: its kind
};

/// Finds memory bugs in production: one allocation in a few thousand is served from pages of its own between guards,
/// all others by the upstream. A program that runs often enough then faults at the very access that is wrong, and the
/// report says where the block was allocated and freed. The idea is GWP-ASan's (Serebryany et al., 2023).
///
/// A guarded block lies in a guarded_page_resource with `slots`, so that its address tells it from the upstream's
/// blocks. After it is freed it stays inaccessible until its slot is needed, the one freed first first. Distances
/// between samples are random, uniform from 1 to 2 * rate - 1. They need no cryptographic strength: what they hide is
/// only which allocations of a program have the luck, and without the luck a bug is no worse off than without samples.
///
/// An allocation that is not guarded costs a count and the upstream's call, with the very size and alignment, a
/// deallocation a comparison and the upstream's call. What cannot be guarded (too large, aligned beyond a page, no slot
/// free, no pages from the system) is the upstream's, silently; statistics() tells how often. What the upstream throws
/// passes through; an allocation it refuses has been counted all the same.
///
/// Thread-safe if the upstream is, but for release() and destruction. The first fifteen threads count for themselves;
/// threads that share a count may lose some, which moves a sample and does no harm. A child of fork() can go on at
/// once.
class ALLOT_EXPORT sampling_guard_resource final : public adaptor_resource {
 public:
  /// @param upstream  must outlive this object. Blocks that are not guarded must be freed before it is destroyed, or
  ///                  directly upstream
  explicit sampling_guard_resource(upstream_ref upstream, const sampling_guard_options& options = {}) noexcept;

  /// @throws what the upstream throws; nothing has changed then
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return sampling_guard_resource::do_allocate(bytes, alignment);
  }
  /// Misuse of a guarded block (freed twice, wrong size or alignment, not its start, slack written) is found exactly
  /// and always reported, with stacks in the details.
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    sampling_guard_resource::do_deallocate(p, bytes, alignment);
  }

  /// What became of the samples.
  struct counts {
    std::size_t sampled = 0;  ///< allocations that were guarded
    std::size_t live = 0;     ///< of those, blocks not freed yet
    std::size_t refused = 0;  ///< allocations that were to be guarded, and had no free slot or no pages
  };
  /// Since construction or release().
  counts statistics() const noexcept;

  /// Whether p lies in a slot for guarded blocks or in a guard of one.
  bool is_guarded(const void* p) const noexcept { return guarded_.contains(p); }

  /// As guarded_page_resource::explain() for guarded blocks; 0 for all other addresses.
  std::size_t explain(const void* address, char* buffer, std::size_t size) const noexcept {
    return guarded_.explain(address, buffer, size);
  }

  std::string_view kind() const noexcept override { return "sampling_guard_resource"; }
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  /// The upstream's and that of guarded blocks together. `peak` is the sum of both, each at a time of its own.
  memory_usage usage() const noexcept override;
  bool owns(const void* p) const noexcept override;
  block_info find_block(const void* p) const noexcept override;
  block_extent live_block(const void* /*p*/) const noexcept override { return {}; }
  /// Gives guarded blocks back, and releases the upstream where that is one of ours.
  void release() noexcept override;
  bool check() const noexcept override;
  void for_each_block(block_visitor visitor) const override;

 private:
  /// How many allocations until the next sample, that one included; 0 when that is not drawn yet. On a line of its own,
  /// so that threads with different ones do not slow each other down.
  struct alignas(64) countdown {
    std::atomic<std::uint64_t> left{0};
  };
  static constexpr std::size_t countdowns = 16;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;

  bool passes() noexcept;
  bool draw() noexcept;
  void* allocate_drawing(std::size_t bytes, std::size_t alignment);
  std::uint64_t distance() noexcept;
  void start_counting() noexcept;
  void* try_guarded(std::size_t bytes, std::size_t alignment) noexcept;

  const std::uint64_t rate_;
  const std::size_t largest_bytes_;
  const std::uint64_t seed_;
  guarded_page_resource guarded_;
  std::atomic<std::uint64_t> random_{0};
  std::atomic<std::size_t> sampled_{0};
  std::atomic<std::size_t> refused_{0};
  std::array<countdown, countdowns> countdowns_;  // the first is nobody's: threads begin there, and are given another
};

}  // namespace allot
