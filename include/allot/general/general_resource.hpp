#pragma once

#include <allot/core/compiler.hpp>
#include <allot/general/general_tiers.hpp>
#include <cstddef>
#include <memory_resource>
#include <string_view>

namespace allot {

/// The one to take when there is no reason for another: small blocks come from pools, medium and large ones from a
/// coalescing heap, each with no header, all of it in own reservations of address space.
///
/// Programs that free small blocks give their chunks back to the heap, where blocks of any size have their memory next,
/// and the pages of large free blocks go back to the system now and then.
///
/// Not thread-safe; distinct objects are independent. About 30 KiB large; constructing one allocates nothing.
class ALLOT_EXPORT general_resource final : public general_tiers<pool_resource> {
 public:
  using general_tiers::general_tiers;
  ~general_resource() override { end(); }

  /// @throws what the upstream throws; allocation_error. Nothing has changed.
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    if (ALLOT_LIKELY(is_small(bytes, alignment))) return pool().allocate(bytes, alignment);
    void* const p = take_cached(bytes, alignment);
    return ALLOT_LIKELY(p != nullptr) ? p : allocate_larger(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    if (ALLOT_LIKELY(is_small(bytes, alignment))) return pool().deallocate(p, bytes, alignment);
    if (!ALLOT_LIKELY(put_cached(p, bytes, alignment))) deallocate_larger(p, bytes, alignment);
  }

  std::string_view kind() const noexcept override { return "general_resource"; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return general_resource::allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    general_resource::deallocate(p, bytes, alignment);
  }
};

}  // namespace allot
