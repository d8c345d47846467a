#pragma once

#include <allot/core/checked_size.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <allot/general/general_options.hpp>
#include <allot/general/medium_cache.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/pool_resource.hpp>
#include <cstddef>
#include <memory_resource>
#include <string_view>

namespace allot {

/// What general_resource and concurrent_general_resource are made of: a heap, and a pool of that kind on it.
///
///     bytes     1 ........ small_limit | ......... large_threshold | ........
///     tier      pools, in heap blocks  | heap                      | heap, at pages
///
/// As thread-safe as the pool: what uses the heap besides holds the pool's lock where it has one.
template <class Pool>
class ALLOT_EXPORT general_tiers : public resource {
 public:
  /// On own reservations, with the options as they are.
  general_tiers() noexcept : general_tiers(general_options{}) {}
  /// The same with others.
  explicit general_tiers(const general_options& options) noexcept : general_tiers(options, nullptr) {}
  /// With chunks from the upstream, which must outlive this object, instead of own reservations. Null: as above.
  explicit general_tiers(std::pmr::memory_resource* upstream) noexcept : general_tiers(general_options{}, upstream) {}
  /// Both. None asks for memory yet.
  general_tiers(const general_options& options, std::pmr::memory_resource* upstream) noexcept;
  ~general_tiers() override;

  general_options options() const noexcept;        ///< in force
  general_statistics statistics() const noexcept;  ///< at this moment

  /// Null on own reservations.
  std::pmr::memory_resource* upstream() const noexcept override { return heap_.upstream(); }
  /// Within a tier; between small blocks as far as their rounding has room.
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  /// In pools, cache and heap.
  std::size_t available() const noexcept override;
  /// `peak` is the most the tiers ever had of the heap, free small blocks and books included.
  memory_usage usage() const noexcept override;
  bool owns(const void* p) const noexcept override;                            ///< what the heap has, free or not
  block_info find_block(const void* p) const noexcept override;                ///< in any tier
  block_extent live_block(const void* p) const noexcept override;              ///< in any tier
  bool try_look_at(const void* p, block_sight& seen) const noexcept override;  ///< in any tier
  void release() noexcept override;                                            ///< of all tiers
  bool can_release() const noexcept override { return true; }                  ///< always
  std::size_t trim() noexcept override;  ///< of all tiers; what other threads have at hand stays
  bool check() const noexcept override;  ///< of all tiers
  /// The blocks in use, and what is free in the heap.
  void for_each_block(block_visitor visitor) const override;

 protected:
  /// Whether a request is the pool's affair; the same for a block when it comes and goes.
  ALLOT_ALWAYS_INLINE bool is_small(std::size_t bytes, std::size_t alignment) const noexcept {
    // Alignments up to an eighth of the limit: a pool does not meet the largest.
    return bytes - 1 < small_limit_ && (alignment - 1) * 8 < small_limit_;
  }
  Pool& pool() noexcept { return pool_; }  ///< the small tier

  /// A medium block that is at hand; null where there is none, or the request is none for it. Needs the lock.
  ALLOT_ALWAYS_INLINE void* take_cached(std::size_t bytes, std::size_t alignment) noexcept {
    if (!ALLOT_LIKELY(is_cached(bytes, alignment))) return nullptr;
    const std::size_t needed = medium_cache::rounded(bytes);
    void* const p = cache_.take(needed);
    if (p != nullptr) medium_bytes_ += needed;
    return p;
  }
  /// Whether the block is kept at hand. Needs the lock.
  ALLOT_ALWAYS_INLINE bool put_cached(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    if (!ALLOT_LIKELY(is_cached(bytes, alignment))) return false;
    const std::size_t needed = medium_cache::rounded(bytes);
    if (!ALLOT_LIKELY(cache_.put(p, needed))) return false;
    medium_bytes_ -= needed;
    return true;
  }
  /// For destructors of final classes: nothing may look at the resource once it is less than that.
  void end() noexcept;

  /// Requests that are not small, or of 0 bytes. Takes the lock where there is one, as does the next.
  void* allocate_larger(std::size_t bytes, std::size_t alignment);
  /// Blocks of such requests.
  void deallocate_larger(void* p, std::size_t bytes, std::size_t alignment);

 private:
  /// The heap, as the pool sees it: which has what is at hand before it has to refuse.
  class heap_of_pool final : public std::pmr::memory_resource {
   public:
    explicit heap_of_pool(general_tiers& tiers) noexcept : tiers_(tiers) {}

   private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;
    bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

    general_tiers& tiers_;
  };

  ALLOT_ALWAYS_INLINE bool is_cached(std::size_t bytes, std::size_t alignment) const noexcept {
    return caches_ && bytes - medium_cache::smallest - 1 < medium_cache::largest - medium_cache::smallest &&
           alignment <= granule_table::granule && is_power_of_two(alignment);
  }
  /// What the heap is asked for, and what a block has then.
  std::size_t rounded(std::size_t bytes, std::size_t alignment) const noexcept {
    return is_cached(bytes, alignment) ? medium_cache::rounded(bytes) : bytes;
  }
  std::size_t block_bytes(std::size_t bytes, std::size_t alignment) const noexcept {
    return heap_.block_bytes(rounded(bytes, alignment));
  }
  std::size_t& bytes_of_tier(std::size_t of_block) noexcept {
    return of_block < options_.large_threshold ? medium_bytes_ : large_bytes_;
  }
  void* allocate_locked(std::size_t bytes, std::size_t alignment, bool& grown);
  bool is_worth_another_try(std::size_t bytes, std::size_t alignment) const noexcept;
  void gather_memory() noexcept;
  void drop_unused_pages() noexcept;
  void for_each_larger(block_visitor visitor) const;
  block_extent live_larger(const void* p) const noexcept;

  general_options options_;
  std::size_t small_limit_;       // requests up to this are the pool's
  bool caches_;                   // whether medium blocks are kept at hand: those that are not checked
  std::size_t medium_bytes_ = 0;  // of live blocks
  std::size_t large_bytes_ = 0;
  std::size_t next_drop_;  // once so much of the heap is in use, pages pools do not use go back to the system
  std::size_t freed_ = 0;  // bytes of large blocks, since memory was given back last
  medium_cache cache_;
  coalescing_heap heap_;
  heap_of_pool heap_of_pool_{*this};
  mutable Pool pool_;
};

extern template class ALLOT_EXPORT general_tiers<pool_resource>;
extern template class ALLOT_EXPORT general_tiers<concurrent_pool>;

}  // namespace allot
