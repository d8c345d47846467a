#pragma once

#include <allot/block/block_table.hpp>
#include <allot/core/resource.hpp>
#include <allot/os/virtual_memory.hpp>
#include <array>
#include <cstddef>

#include "context.hpp"

namespace allot::secure {

/// Blocks with pages of their own between guards, so placed that the first byte behind them faults as closely as their
/// alignment lets it:
///
///     | guards | pattern  block  pattern | guards |
///
/// Freed ones lose their contents and become inaccessible. At level trap their addresses never come back; at the others
/// they wait in a quarantine, random and in order, before they are used again or unmapped. Not thread-safe.
class large_blocks {
 public:
  explicit large_blocks(secure_context& context) noexcept;
  large_blocks(const large_blocks&) = delete;
  large_blocks& operator=(const large_blocks&) = delete;
  ~large_blocks();

  /// As those of small_blocks.
  void* allocate(std::size_t bytes, std::size_t alignment);
  bool deallocate(void* p, std::size_t bytes, std::size_t alignment);

  /// Whether there is such a live block.
  bool holds(const void* p, std::size_t bytes, std::size_t alignment) noexcept;
  /// As resource::live_block().
  block_extent live_block(const void* p) const noexcept;

  struct location {
    enum class what { outside, guard, gone, block };
    what is = what::outside;
    const void* begin = nullptr;
    std::size_t bytes = 0;
    std::size_t alignment = 0;
    bool freed = false;
  };
  location locate(const void* p) const noexcept;

  bool check();
  void for_each_block(block_visitor visitor) const;  ///< freed ones too, while they are in quarantine
  std::size_t trim() noexcept;

  std::size_t quarantined_blocks() const noexcept { return blocks_.size() - live_; }
  std::size_t quarantined_bytes() const noexcept { return waiting_bytes_; }
  std::size_t regions() const noexcept { return regions_; }

 private:
  using entry = block_table::entry;

  /// Where blocks lie one behind the other, each at a new address.
  struct one_way_region {
    std::byte* base;
    std::size_t bytes;
    std::size_t next;  // of which this many were handed out
    one_way_region* older;
  };

  bool make_mapping(entry& block) noexcept;
  bool make_one_way(entry& block) noexcept;
  bool place_one_way(entry& block, one_way_region& in) noexcept;
  bool open_one_way_region(std::size_t bytes) noexcept;
  void close_one_way_region() noexcept;
  bool lock_pages(const entry& block) noexcept;
  bool revive(entry& block) noexcept;
  std::byte* take_spare(std::size_t usable, std::size_t alignment) noexcept;
  void retire(entry& block) noexcept;
  void enqueue(std::byte* address) noexcept;
  void pop_oldest() noexcept;
  void unmap(entry& block) noexcept;
  template <class Each>
  void for_each_pattern_byte(const entry& block, Each each) const;
  void write_patterns(const entry& block) noexcept;
  bool looks_damaged(const entry& block);

  static constexpr std::size_t shuffled_count = 64;
  static constexpr std::size_t queue_count = 256;
  static constexpr std::size_t spare_count = 32;

  secure_context& context_;
  const bool one_way_;
  const bool advice_;
  const std::size_t most_waiting_;  // bytes of address space
  block_table blocks_;              // live ones, those in quarantine and spares
  std::size_t live_ = 0;
  std::uint64_t stamps_ = 0;
  std::array<std::byte*, shuffled_count> shuffled_{};
  std::byte* oldest_ = nullptr;  // the queue: a chain through the table
  std::byte* youngest_ = nullptr;
  std::size_t queued_ = 0;
  std::size_t waiting_bytes_ = 0;
  std::array<std::byte*, spare_count> spares_{};
  std::size_t spares_used_ = 0;
  one_way_region* newest_ = nullptr;
  std::size_t regions_ = 0;
};

}  // namespace allot::secure
