#pragma once

#include <algorithm>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/misuse.hpp>
#include <allot/pool/bin_range.hpp>
#include <allot/pool/slab_store.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

// What both pools do with a request before and after it is one of a block.

namespace allot {

/// Sizes below need no look at the alignment: none that large can hide behind them.
inline std::size_t inline_limit(const slab_store& store) noexcept {
  return std::min<std::size_t>(store.sizes().bytes[store.class_count() - 1], 2 * slab_store::largest_alignment - 1);
}

[[noreturn]] inline void refuse_alignment(std::string_view pool, std::size_t bytes, std::size_t alignment) {
  report_misuse({misuse_kind::invalid_alignment, pool, nullptr, alignment});
  throw allocation_error({memory_errc::invalid_alignment, pool, bytes, alignment});
}

[[noreturn]] inline void refuse_size(std::string_view pool, std::size_t bytes, std::size_t alignment) {
  throw allocation_error({memory_errc::size_overflow, pool, bytes, alignment, max_object_bytes});
}

/// Bytes a block must have. A memory tool wants some behind what is handed out.
inline std::size_t padded_request(std::size_t bytes, bool watched) noexcept {
  const std::size_t least = std::max<std::size_t>(bytes, 1);
  return watched && least <= max_object_bytes ? least + memory_tools::redzone : least;
}

/// Of a block a memory tool watches, the caller may touch what was asked for.
inline void poison_behind(void* p, std::size_t bytes, std::size_t block_bytes) noexcept {
  memory_tools::poison(static_cast<std::byte*>(p) + bytes, block_bytes - bytes);
}

inline misuse_report misuse_of(const slab_store::verdict& found, std::string_view pool, const void* p,
                               std::size_t bytes, std::size_t alignment = 1) noexcept {
  if (found.kind == misuse_kind::wrong_size && !is_aligned(p, alignment)) {
    const std::uintptr_t address = address_of(p);
    return {misuse_kind::wrong_alignment, pool, p, alignment, address & (~address + 1), true, false};
  }
  return {found.kind, pool, p, bytes, found.block_bytes, true, false};
}

inline pool_bin bin_of(const slab_store& store, std::size_t at, std::size_t cached) noexcept {
  const slab_store::account& counts = store.account_of(at);
  const std::size_t block_bytes = store.sizes().bytes[at];
  const std::size_t taken = counts.blocks - counts.free;
  return {block_bytes,  taken - std::min(cached, taken),           cached, counts.slabs,
          counts.bytes, counts.bytes - counts.blocks * block_bytes};
}

}  // namespace allot
