#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <allot/pool/bin_range.hpp>
#include <allot/pool/chunk_sightings.hpp>
#include <allot/pool/magazine_depot.hpp>
#include <allot/pool/pool_core.hpp>
#include <allot/pool/pool_options.hpp>
#include <allot/pool/thread_cache.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <mutex>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

namespace allot {

/// Free blocks of one size that one thread has at hand.
struct cached_blocks {
  std::thread::id thread;       ///< who has them
  std::size_t block_bytes = 0;  ///< the size
  std::size_t blocks = 0;       ///< how many
};

/// A pool for many threads: each has magazines of its own in it, so most calls take no lock and touch nothing another
/// thread writes. A drop-in for std::pmr::synchronized_pool_resource.
///
/// As pool_resource, but for what is between the magazines and the slabs: a depot of whole magazines, through which
/// blocks that one thread allocates and another frees go back in bulk, one lock for each magazine. The upstream is
/// called under that lock, so it need not be thread-safe.
///
/// Held memory is bounded: what is live, plus for each block size that is used at most two magazines (of 16 KiB or
/// eight blocks each by default) for each thread that uses the pool and 16 and two for each thread in the depot, plus
/// the slabs' unused parts. When a thread ends, the next takes over its cache with what is in it, so it is the most
/// threads at a time that count. Before a refusal of the upstream is passed on, what no thread has is used. There may
/// be any number of pools; they may be used by destructors of thread_local objects and at exit, then without magazines.
///
/// A checked pool, and one a memory tool watches, has no magazines and takes the lock for each call. So does one that
/// holds less than 16 times what a thread's cache takes, which is about 3 KiB.
///
/// Thread-safe, but for release(), abandon() and destruction, during which no call may be in progress; other threads
/// may hold caches then. After fork() parent and child go on; what other threads had in their magazines stays out of
/// reach in the child until release(). Constructing one allocates nothing.
class ALLOT_EXPORT concurrent_pool final : public resource {
  template <class Options>
  using if_ours = std::enable_if_t<std::is_same_v<Options, pool_options>>;

 public:
  /// The constructors of std::pmr::synchronized_pool_resource. The upstream must not be null and must outlive the pool.
  /// @{
  concurrent_pool() noexcept : concurrent_pool(pool_options{}) {}
  explicit concurrent_pool(std::pmr::memory_resource* upstream) noexcept : concurrent_pool(pool_options{}, upstream) {}
  explicit concurrent_pool(const std::pmr::pool_options& options) noexcept : concurrent_pool(pool_options(options)) {}
  concurrent_pool(const std::pmr::pool_options& options, std::pmr::memory_resource* upstream) noexcept
      : concurrent_pool(pool_options(options), upstream) {}
  /// @}

  /// The same with the options of ours.
  /// @{
  template <class Options, class = if_ours<Options>>
  explicit concurrent_pool(const Options& options) noexcept
      : concurrent_pool(options, std::pmr::get_default_resource()) {}
  template <class Options, class = if_ours<Options>>
  concurrent_pool(const Options& options, std::pmr::memory_resource* upstream) noexcept
      : concurrent_pool(from_options{}, options, upstream) {}
  /// @}
  ~concurrent_pool() override;

  /// @throws what the upstream throws, or allocation_error for a size that does not fit the address space, or an
  ///         alignment that is no power of two (where a magazine serves the request, only 0 is noticed); nothing has
  ///         changed
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t));
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t));

  std::pmr::memory_resource* upstream_resource() const noexcept { return core_.store().upstream(); }
  /// In force; the standard's two fields as they are.
  pool_options options() const noexcept;

  /// Makes sure that `count` blocks of that size are in the slabs or the depot, for whichever thread asks. Sizes above
  /// the largest pooled are left to the upstream.
  /// @throws what the upstream throws; what was made by then stays
  void preallocate(std::size_t bytes, std::size_t count, std::size_t alignment = 1);

  /// Keeps all threads from calling the upstream through this pool while the lock is held: for whoever uses the same
  /// upstream besides. The holder must not call the pool.
  std::unique_lock<std::mutex> lock_upstream();
  /// The same without waiting: it may hold nothing.
  std::unique_lock<std::mutex> try_lock_upstream() const { return {mutex_, std::try_to_lock}; }

  /// One element for each block size. `cached` counts the magazines of all threads and the depot.
  bin_range<concurrent_pool> bins() const noexcept;
  pool_bin bin(std::size_t at) const noexcept;  ///< one of these

  /// The blocks in the magazines of each thread, in a list from the given memory. Threads that go on meanwhile may have
  /// changed them.
  std::pmr::vector<cached_blocks> caches(std::pmr::memory_resource* memory = std::pmr::get_default_resource()) const;

  /// Calls the visitor, under the lock, for every stretch of memory that no block size has now: it may lose its
  /// contents. For whoever made the upstream, and knows how its pages go back to the system.
  void for_each_unused(block_visitor visitor) const;

  // What takes no lock and calls nobody: for callers that may be in the midst of anything, as malloc() is.

  /// A block from the calling thread's magazines; null where there is none.
  [[nodiscard]] void* allocate_at_hand(std::size_t bytes, std::size_t alignment) noexcept;
  /// Frees a live block into them. False where that needs more than that; then nothing has happened.
  [[nodiscard]] bool deallocate_at_hand(void* p) noexcept;
  /// live_block() of a small block, where its chunk is known.
  block_extent live_block_at_hand(const void* p) const noexcept;

  /// For a pool that is a part of another resource: explanations of addresses do not name it.
  void be_part() noexcept { core_.belong_to(nullptr, false); }

  std::string_view kind() const noexcept override { return "concurrent_pool"; }
  std::pmr::memory_resource* upstream() const noexcept override { return core_.store().upstream(); }
  /// True where the block's own rounding has room, or the size stays.
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  std::size_t available() const noexcept override;
  /// `used` counts whole blocks, `peak` those in magazines too.
  memory_usage usage() const noexcept override;
  /// Caches and tables count, too, but for what is remembered of large blocks.
  bool owns(const void* p) const noexcept override;
  block_extent live_block(const void* p) const noexcept override;
  bool try_look_at(const void* p, block_sight& seen) const noexcept override;
  /// This and the next two look into the magazines of all threads: none may use the pool meanwhile.
  block_info find_block(const void* p) const noexcept override;
  void for_each_block(block_visitor visitor) const override;
  bool check() const noexcept override;
  /// Gives all memory back to the upstream, blocks in use included.
  void release() noexcept override;
  bool can_release() const noexcept override { return true; }
  /// Empties the depot and the calling thread's magazines and gives every empty chunk back, and the caches no thread
  /// has. Returns bytes given back.
  std::size_t trim() noexcept override;

  /// Forgets all memory without touching it, as constructed: for when the upstream has taken everything back by itself,
  /// such as an arena that was cleared.
  void abandon() noexcept;

 private:
  friend class pool_registry;
  struct from_options {};
  concurrent_pool(from_options, const pool_options& options, std::pmr::memory_resource* upstream) noexcept;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return concurrent_pool::allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    concurrent_pool::deallocate(p, bytes, alignment);
  }

  template <class Use>
  bool with_cache(Use use) const;
  thread_cache* cache_of_this_thread() const noexcept;
  thread_cache* make_cache() noexcept;
  void* allocate_slowly(std::size_t bytes, std::size_t alignment);
  void* allocate_cached(thread_cache& cache, std::size_t index);
  template <class Take>
  void* from_store(Take take);
  bool empty_unused() noexcept;
  std::size_t depot_room() const noexcept;
  void deallocate_slowly(void* p, std::size_t bytes, std::size_t alignment);
  void deallocate_cached(thread_cache& cache, void* p, std::size_t index);
  void open() noexcept;
  /// Whether the table of sizes is there to stay: until then it is made and dropped under the lock.
  bool is_open() const noexcept { return index_.load(std::memory_order_acquire) != nullptr; }
  void retire(thread_cache& cache) noexcept;
  void drop_own_cache() noexcept;
  void free_list(thread_cache* list) noexcept;
  void drop_caches() noexcept;
  std::size_t held_bytes() const noexcept;
  std::size_t cached_count(std::size_t index) const noexcept;
  std::size_t cached_bytes() const noexcept;
  template <class Visit, class Arrays>
  void for_each_cached(Visit visit, Arrays arrays) const noexcept;

  // What every call reads and few write, apart from what is written under the lock: else each magazine that goes to the
  // depot would take this line from all other threads.
  std::atomic<std::size_t> inline_limit_{0};         // rounded requests below this take the short way
  std::atomic<const std::uint8_t*> index_{nullptr};  // block sizes by request, once the store has started
  std::atomic<std::uint64_t> token_{0};              // of the caches that are valid; no two pools ever have the same
  std::atomic<std::size_t> slot_{thread_cache::no_slot};  // where threads find theirs

  alignas(thread_cache::line) mutable std::mutex mutex_;  // guards what follows
  thread_cache* caches_ = nullptr;                        // of threads
  thread_cache* idle_ = nullptr;                          // of threads that have ended
  std::size_t cache_count_ = 0;                           // both
  magazine_depot depot_;
  chunk_sightings sightings_;  // read without the lock
  pool_core core_;
};

}  // namespace allot
