#include <algorithm>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/pool/pool_core.hpp>
#include <cstdint>
#include <cstring>

namespace allot {

pool_core::pool_core(const pool_options& options, std::pmr::memory_resource* upstream) noexcept
    : store_(options, upstream),
      large_(upstream),
      zero_on_free_(options.zero_on_free),
      checked_(options.checked),
      watched_(memory_tools::active()) {}

pool_options pool_core::options(std::string_view name) const noexcept {
  pool_options options = store_.options();
  options.name = name;
  return options;
}

std::size_t pool_core::inline_limit() const noexcept {
  if (!store_.started() || direct() || zero_on_free_) return 0;
  return store_.sizes().bytes[store_.class_count() - 1];
}

/// Bytes a block must have. A memory tool wants some behind what is handed out.
std::size_t pool_core::padded(std::size_t bytes) const noexcept {
  const std::size_t least = std::max<std::size_t>(bytes, 1);
  return watched_ && least <= max_object_bytes ? least + memory_tools::redzone : least;
}

// ---- allocation

void* pool_core::allocate_large(std::size_t bytes, std::size_t alignment, std::string_view pool) {
  // Not left to the upstream: std::pmr::new_delete_resource() of libstdc++ rounds such a size up to 0.
  if (bytes > max_object_bytes - (alignment - 1))
    throw allocation_error({memory_errc::size_overflow, pool, bytes, alignment, max_object_bytes});
  void* const p = large_.allocate(std::max<std::size_t>(bytes, 1), alignment);
  note_peak();
  return p;
}

void* pool_core::allocate_direct(std::size_t index, std::size_t bytes) {
  void* p = nullptr;
  (void)store_.take(index, &p, 1);
  note_peak();
  if (watched_) memory_tools::poison(static_cast<std::byte*>(p) + bytes, store_.sizes().bytes[index] - bytes);
  return p;
}

void pool_core::expect_room(std::size_t bytes, std::size_t count, std::string_view pool) {
  if (count > max_object_bytes / std::max(bytes, size_table::smallest))
    throw allocation_error({memory_errc::size_overflow, pool, bytes, 0, max_object_bytes});
}

bool pool_core::accept(void* p, std::size_t bytes, std::size_t alignment, std::size_t index, std::string_view pool,
                       std::optional<misuse_report>& misuse) {
  if (!is_power_of_two(alignment)) {
    misuse = {misuse_kind::invalid_alignment, pool, p, alignment};
    return false;
  }
  if (index == size_table::no_class || direct()) {
    if (large_.deallocate(p, std::max<std::size_t>(bytes, 1), alignment, pool, zero_on_free_, misuse)) return false;
    if (const slab_store::verdict found = store_.judge(p, index); !found.fine) {
      if (found.kind == misuse_kind::wrong_size && !is_aligned(p, alignment)) {
        const std::uintptr_t address = address_of(p);
        misuse = {misuse_kind::wrong_alignment, pool, p, alignment, address & (~address + 1), true, false};
      } else {
        misuse = {found.kind, pool, p, bytes, found.block_bytes, true, false};
      }
      return false;
    }
  }
  if (zero_on_free_) std::memset(p, 0, watched_ ? bytes : store_.sizes().bytes[index]);
  if (!direct()) return true;
  deallocate_direct(p, index, pool);
  return false;
}

void pool_core::deallocate_direct(void* p, std::size_t index, std::string_view pool) {
  if (watched_) memory_tools::poison(p, store_.sizes().bytes[index]);
  store_.put(index, &p, 1, pool);
}

bool pool_core::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes, std::size_t alignment) noexcept {
  if (old_bytes == new_bytes) return true;
  if (!is_power_of_two(alignment)) return false;
  const std::size_t index = class_of(old_bytes, alignment);
  if (index == size_table::no_class || class_of(new_bytes, alignment) != index) return false;
  if (direct() && !store_.judge(p, index).fine) return false;
  if (watched_) {
    auto* const begin = static_cast<std::byte*>(p);
    if (new_bytes > old_bytes) memory_tools::hand_out(begin + old_bytes, new_bytes - old_bytes);
    memory_tools::poison(begin + new_bytes, store_.sizes().bytes[index] - new_bytes);
  }
  return true;
}

// ---- looking inside

void pool_core::note_peak() noexcept { peak_ = std::max(peak_, store_.taken_bytes() + large_.bytes()); }

pool_bin pool_core::bin(std::size_t at, std::size_t cached) const noexcept {
  if (at >= bin_count()) return {};
  const slab_store::account& counts = store_.account_of(at);
  const std::size_t block_bytes = store_.sizes().bytes[at];
  const std::size_t blocks = counts.blocks - counts.arrays;
  const std::size_t taken = blocks - counts.free;
  return {block_bytes,  taken - std::min(cached, taken),    cached, counts.slabs,
          counts.bytes, counts.bytes - blocks * block_bytes};
}

memory_usage pool_core::usage(std::size_t cached) const noexcept {
  memory_usage now;
  now.reserved = now.committed = held_bytes();
  now.used = store_.taken_bytes() - std::min(cached, store_.taken_bytes()) + large_.bytes();
  now.peak = peak_;
  now.wasted = store_.overhead_bytes() + large_.book_bytes();
  for (std::size_t i = 0; i < bin_count(); ++i) now.wasted += bin(i, 0).waste;
  now.wasted -= store_.spare_tail_bytes();
  return now;
}

std::size_t pool_core::available(std::size_t cached) const noexcept {
  std::size_t bytes = store_.free_unit_bytes() + store_.spare_tail_bytes() + cached;
  for (std::size_t i = 0; i < bin_count(); ++i)
    bytes += store_.account_of(i).free * std::size_t{store_.sizes().bytes[i]};
  return bytes;
}

bool pool_core::owns(const void* p) const noexcept {
  return store_.owns(p) || large_.find(p).state == block_state::used;
}

block_info pool_core::find(const void* p) const noexcept {
  const block_info found = store_.find(p);
  return found.state != block_state::unknown ? found : large_.find(p);
}

/// A memory tool's redzone is not for use, and comes on top again.
block_extent pool_core::live_block(const void* p) const noexcept {
  block_extent found = store_.live_block(p);
  if (found.bytes == 0) return large_.live_block(p);
  if (watched_) found.bytes -= memory_tools::redzone;
  return found;
}

void pool_core::for_each_used(block_visitor visitor) const {
  store_.for_each_used(visitor);
  large_.for_each(visitor);
}

// ---- giving back

void pool_core::trim() noexcept {
  (void)store_.trim();
  large_.trim();
}

void pool_core::release() noexcept {
  large_.release();
  store_.release();
  peak_ = 0;
}

void pool_core::abandon() noexcept {
  large_.abandon();
  store_.abandon();
  peak_ = 0;
}

void refuse_alignment(std::string_view pool, std::size_t bytes, std::size_t alignment) {
  report_misuse({misuse_kind::invalid_alignment, pool, nullptr, alignment});
  throw allocation_error({memory_errc::invalid_alignment, pool, bytes, alignment});
}

}  // namespace allot
