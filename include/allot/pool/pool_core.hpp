#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/misuse.hpp>
#include <allot/core/resource.hpp>
#include <allot/pool/bin_range.hpp>
#include <allot/pool/large_blocks.hpp>
#include <allot/pool/pool_options.hpp>
#include <allot/pool/slab_store.hpp>
#include <cstddef>
#include <memory_resource>
#include <optional>
#include <string_view>

namespace allot {

/// What pools of one thread and of many have in common: the slabs, the large blocks, and what is to be done with a
/// request that no magazine serves.
///
/// Who throws has changed nothing. Not thread-safe.
class ALLOT_EXPORT pool_core {
 public:
  /// Asks the upstream for nothing yet.
  pool_core(const pool_options& options, std::pmr::memory_resource* upstream) noexcept;
  pool_core(const pool_core&) = delete;
  pool_core& operator=(const pool_core&) = delete;

  /// The pool that explanations of addresses name.
  void belong_to(resource* owner, bool shared) noexcept {
    store_.belong_to(owner, shared);
    large_.belong_to(owner, shared);
  }

  slab_store& store() noexcept { return store_; }              ///< of the blocks that are pooled
  const slab_store& store() const noexcept { return store_; }  ///< likewise
  pool_options options(std::string_view name) const noexcept;  ///< in force, with that name

  /// Whether blocks go straight from and to the slabs, for the sake of a check.
  bool direct() const noexcept { return checked_ || watched_; }
  bool watched() const noexcept { return watched_; }  ///< by a memory tool
  /// Rounded requests below this many bytes need no look at anything but the table of sizes; 0 where all do.
  std::size_t inline_limit() const noexcept;

  /// Whether blocks of that size may be pooled: then the store must be started.
  bool may_pool(std::size_t bytes) const noexcept { return padded(bytes) <= size_table::largest; }
  /// size_table::no_class for what the upstream serves one by one.
  std::size_t class_of(std::size_t bytes, std::size_t alignment) const noexcept {
    return store_.started() ? store_.class_of(padded(bytes), alignment) : std::size_t{size_table::no_class};
  }

  /// @throws what the upstream throws, or allocation_error for more than the address space
  void* allocate_large(std::size_t bytes, std::size_t alignment, std::string_view pool);
  /// @throws what the upstream throws
  void* allocate_direct(std::size_t index, std::size_t bytes);

  /// @throws allocation_error where so many blocks are more than the address space
  static void expect_room(std::size_t bytes, std::size_t count, std::string_view pool);

  /// Whether p may go to a magazine as a block of that class, in which case it has been overwritten if that is wished.
  /// Otherwise it has been taken back, or found to be misuse, which is the caller's to report, without a lock.
  bool accept(void* p, std::size_t bytes, std::size_t alignment, std::size_t index, std::string_view pool,
              std::optional<misuse_report>& misuse);
  /// The same without magazines.
  void deallocate_direct(void* p, std::size_t index, std::string_view pool);

  /// As resource::try_expand().
  bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes, std::size_t alignment) noexcept;

  void note_peak() noexcept;  ///< to be called when there may be more than ever
  /// Of the upstream, all together.
  std::size_t held_bytes() const noexcept { return store_.held_bytes() + large_.bytes() + large_.book_bytes(); }
  pool_bin bin(std::size_t at, std::size_t cached) const noexcept;  ///< `cached` blocks of it are in magazines
  /// Block sizes; 0 while the store has not started.
  std::size_t bin_count() const noexcept { return store_.started() ? store_.class_count() : 0; }
  /// But for what is in magazines: `cached` bytes of it.
  memory_usage usage(std::size_t cached) const noexcept;
  std::size_t available(std::size_t cached) const noexcept;  ///< with `cached` bytes in magazines
  bool owns(const void* p) const noexcept;                   ///< chunks, the store's tables and large blocks
  bool is_pooled(const void* p) const noexcept { return store_.owns(p); }  ///< else it is the upstream's block
  block_info find(const void* p) const noexcept;
  block_extent live_block(const void* p) const noexcept;  ///< as resource::live_block()
  void for_each_used(block_visitor visitor) const;  ///< not free in a slab, so those in magazines too; and large ones

  void trim() noexcept;     ///< gives empty chunks back, and the books of large blocks if none is left
  void release() noexcept;  ///< gives all back
  void abandon() noexcept;  ///< forgets all there is without touching it

 private:
  std::size_t padded(std::size_t bytes) const noexcept;

  slab_store store_;
  large_blocks large_;
  std::size_t peak_ = 0;
  bool zero_on_free_;
  bool checked_;
  bool watched_;  // by a memory tool
};

/// @throws allocation_error, always
[[noreturn]] void refuse_alignment(std::string_view pool, std::size_t bytes, std::size_t alignment);

}  // namespace allot
