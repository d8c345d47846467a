#pragma once

#include <allot/core/compiler.hpp>
#include <allot/general/general_tiers.hpp>
#include <cstddef>
#include <memory_resource>
#include <string_view>

namespace allot {

/// general_resource for many threads: each has magazines of its own for small blocks, as in concurrent_pool, so most
/// calls take no lock. Larger ones take one.
///
/// Thread-safe, but for release() and destruction, during which no call may be in progress; find_block(),
/// for_each_block(), statistics() and check() look into the magazines of all threads, none of which may use the
/// resource meanwhile. After fork() parent and child go on. Constructing one allocates nothing.
class ALLOT_EXPORT concurrent_general_resource final : public general_tiers<concurrent_pool> {
 public:
  using general_tiers::general_tiers;
  ~concurrent_general_resource() override { end(); }

  /// @throws what the upstream throws; allocation_error. Nothing has changed.
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return ALLOT_LIKELY(is_small(bytes, alignment)) ? pool().allocate(bytes, alignment)
                                                    : allocate_larger(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    if (!ALLOT_LIKELY(is_small(bytes, alignment))) return deallocate_larger(p, bytes, alignment);
    pool().deallocate(p, bytes, alignment);
  }

  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override {
    return ALLOT_LIKELY(is_small(bytes, alignment)) ? pool().try_allocate(bytes, alignment)
                                                    : resource::try_allocate(bytes, alignment);
  }

  /// As those of concurrent_pool; no block of a larger tier is ever at hand.
  /// @{
  [[nodiscard]] void* allocate_at_hand(std::size_t bytes, std::size_t alignment) noexcept {
    return ALLOT_LIKELY(is_small(bytes, alignment)) ? pool().allocate_at_hand(bytes, alignment) : nullptr;
  }
  [[nodiscard]] bool deallocate_at_hand(void* p) noexcept { return pool().deallocate_at_hand(p); }
  /// @}

  std::string_view kind() const noexcept override { return "concurrent_general_resource"; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return concurrent_general_resource::allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    concurrent_general_resource::deallocate(p, bytes, alignment);
  }
};

}  // namespace allot
