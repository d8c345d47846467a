#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <allot/pool/bin_range.hpp>
#include <allot/pool/block_cache.hpp>
#include <allot/pool/pool_core.hpp>
#include <allot/pool/pool_options.hpp>
#include <cstddef>
#include <memory_resource>
#include <string_view>
#include <type_traits>

namespace allot {

/// A pool for one thread: blocks of many sizes, each taken and given back in a few instructions. A drop-in for
/// std::pmr::unsynchronized_pool_resource, for node containers, strings, and whatever else comes and goes in no order.
///
/// For each block size there is a magazine, a short list of free blocks; behind it are slabs with a bit for every free
/// block, which fill the magazine in the order of addresses. So a program whose memory has aged still gets blocks that
/// lie together, empty slabs serve other sizes, and empty chunks go back to the upstream. No block has a header: the
/// size says where it belongs, so it must be freed with the size and alignment it was allocated with. Requests above
/// the largest pooled size go to the upstream one by one.
///
/// A request is rounded up to the next block size (`pool_options::spacing`); every power-of-two alignment holds, with
/// no padding. Unless the pool is `checked`, double frees and foreign pointers are noticed only when a magazine is
/// emptied. A checked pool has no magazines and finds them at the free itself, wrong sizes up to the block size; so
/// does a pool that a memory tool watches, which also keeps 16 poisoned bytes between blocks.
///
/// Not thread-safe; distinct pools are independent as far as their upstreams are. About 13 KiB large; constructing one
/// allocates nothing.
class ALLOT_EXPORT pool_resource final : public resource {
  template <class Options>
  using if_ours = std::enable_if_t<std::is_same_v<Options, pool_options>>;

 public:
  /// The constructors of std::pmr::unsynchronized_pool_resource. The upstream must not be null and must outlive the
  /// pool.
  /// @{
  pool_resource() noexcept : pool_resource(pool_options{}) {}
  explicit pool_resource(std::pmr::memory_resource* upstream) noexcept : pool_resource(pool_options{}, upstream) {}
  explicit pool_resource(const std::pmr::pool_options& options) noexcept : pool_resource(pool_options(options)) {}
  pool_resource(const std::pmr::pool_options& options, std::pmr::memory_resource* upstream) noexcept
      : pool_resource(pool_options(options), upstream) {}
  /// @}

  /// The same with the options of ours.
  /// @{
  template <class Options, class = if_ours<Options>>
  explicit pool_resource(const Options& options) noexcept : pool_resource(options, std::pmr::get_default_resource()) {}
  template <class Options, class = if_ours<Options>>
  pool_resource(const Options& options, std::pmr::memory_resource* upstream) noexcept
      : pool_resource(from_options{}, options, upstream) {}
  /// @}
  ~pool_resource() override;

  /// @throws what the upstream throws, or allocation_error for a size that does not fit the address space, or an
  ///         alignment that is no power of two (where a magazine serves the request, only 0 is noticed); nothing has
  ///         changed
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    const std::size_t last = (bytes - 1) | (alignment - 1);  // of the rounded size; 0 bytes become very many
    void* p = nullptr;
    if (ALLOT_LIKELY(last < inline_limit_ && cache_.pop(index_[last / size_table::granule], p))) return p;
    return allocate_slowly(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    const std::size_t last = (bytes - 1) | (alignment - 1);
    if (ALLOT_LIKELY(last < inline_limit_))
      if (cache_.push(index_[last / size_table::granule], p)) return;
    deallocate_slowly(p, bytes, alignment);
  }

  std::pmr::memory_resource* upstream_resource() const noexcept { return core_.store().upstream(); }
  /// In force; the standard's two fields as they are.
  pool_options options() const noexcept;

  /// Makes sure that `count` blocks of that size can be allocated without asking the upstream. Sizes above the largest
  /// pooled are left to the upstream.
  /// @throws what the upstream throws; what was made by then stays
  void preallocate(std::size_t bytes, std::size_t count, std::size_t alignment = 1);

  /// One element for each block size.
  bin_range<pool_resource> bins() const noexcept { return {*this, core_.bin_count()}; }
  /// One of these.
  pool_bin bin(std::size_t at) const noexcept { return core_.bin(at, cache_.count(at)); }

  /// Calls the visitor for every stretch of memory that no block size has now: it may lose its contents. For whoever
  /// made the upstream, and knows how its pages go back to the system.
  void for_each_unused(block_visitor visitor) const { core_.store().for_each_unused(visitor); }

  /// For a pool that is a part of another resource: explanations of addresses do not name it.
  void be_part() noexcept { core_.belong_to(nullptr, false); }

  std::string_view kind() const noexcept override { return "pool_resource"; }
  std::pmr::memory_resource* upstream() const noexcept override { return core_.store().upstream(); }
  /// True where the block's own rounding has room, or the size stays.
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override {
    return core_.try_expand(p, old_bytes, new_bytes, alignment);
  }
  std::size_t available() const noexcept override { return core_.available(cached_bytes()); }
  /// `used` counts whole blocks, `peak` those in magazines too.
  memory_usage usage() const noexcept override { return core_.usage(cached_bytes()); }
  bool owns(const void* p) const noexcept override { return core_.owns(p); }
  block_info find_block(const void* p) const noexcept override;
  block_extent live_block(const void* p) const noexcept override;
  bool try_look_at(const void* p, block_sight& seen) const noexcept override;
  /// Gives all memory back to the upstream, blocks in use included.
  void release() noexcept override;
  bool can_release() const noexcept override { return true; }
  /// Empties the magazines and gives every empty chunk back; returns bytes given back.
  std::size_t trim() noexcept override;
  bool check() const noexcept override;
  void for_each_block(block_visitor visitor) const override;

  /// Forgets all memory without touching it, as constructed: for when the upstream has taken everything back by itself,
  /// such as an arena that was cleared.
  void abandon() noexcept;

 private:
  struct from_options {};
  pool_resource(from_options, const pool_options& options, std::pmr::memory_resource* upstream) noexcept;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return pool_resource::allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    pool_resource::deallocate(p, bytes, alignment);
  }

  void* allocate_slowly(std::size_t bytes, std::size_t alignment);
  void* allocate_cached(std::size_t index);
  void deallocate_slowly(void* p, std::size_t bytes, std::size_t alignment);
  std::size_t cached_bytes() const noexcept;
  void open() noexcept;
  void start();
  void stop_if_empty() noexcept;

  std::size_t inline_limit_ = 0;         // rounded requests below this are served inline
  const std::uint8_t* index_ = nullptr;  // block sizes by request, once the store has started
  block_cache cache_;
  pool_core core_;
};

}  // namespace allot
