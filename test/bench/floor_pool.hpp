#pragma once

#include <algorithm>
#include <allot/core/compiler.hpp>
#include <allot/core/size_classes.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

namespace allot::bench {

/// What no pool behind a memory_resource can be faster than: a free list for each size class, filled from a chunk by
/// moving a pointer, all of it inline behind the two virtual calls. It finds no misuse, gives nothing back before its
/// end, and hands an aged heap's blocks out in the order in which they were freed.
///
/// Not thread-safe.
class floor_pool final : public std::pmr::memory_resource {
 public:
  explicit floor_pool(std::pmr::memory_resource* upstream) : chunks_(upstream) {}
  ~floor_pool() override {
    for (const chunk& c : chunks_) chunks_.get_allocator().resource()->deallocate(c.at, c.bytes, chunk_alignment);
  }

 private:
  struct free_block {
    free_block* next;
  };
  struct chunk {
    void* at;
    std::size_t bytes;
  };

  static constexpr std::size_t chunk_alignment = 64;
  static constexpr std::size_t step = 8;

  static constexpr auto class_table = [] {
    std::array<std::uint8_t, size_classes::largest / step + 1> table{};
    for (std::size_t i = 0; i < table.size(); ++i)
      table[i] = static_cast<std::uint8_t>(size_classes::index_of(i * step));
    return table;
  }();

  static std::size_t rounded(std::size_t bytes, std::size_t alignment) {
    return (bytes + alignment - 1) & ~(alignment - 1);
  }

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    bytes = rounded(bytes, alignment);
    if (!ALLOT_LIKELY(bytes <= size_classes::largest)) return upstream()->allocate(bytes, alignment);
    const std::size_t index = class_table[(bytes + step - 1) / step];
    free_block* const block = free_[index];
    if (!ALLOT_LIKELY(block != nullptr)) return carve(size_classes::block_bytes(index));
    free_[index] = block->next;
    return block;
  }

  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    bytes = rounded(bytes, alignment);
    if (!ALLOT_LIKELY(bytes <= size_classes::largest)) return upstream()->deallocate(p, bytes, alignment);
    free_block*& list = free_[class_table[(bytes + step - 1) / step]];
    auto* const block = static_cast<free_block*>(p);
    block->next = list;
    list = block;
  }

  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  ALLOT_NEVER_INLINE void* carve(std::size_t bytes) {
    // Every block lies at a multiple of the largest power of two in its size.
    const std::size_t alignment = std::min(bytes & (~bytes + 1), chunk_alignment);
    next_ += (~reinterpret_cast<std::uintptr_t>(next_) + 1) & (alignment - 1);
    if (next_ > end_ || bytes > static_cast<std::size_t>(end_ - next_)) {
      const std::size_t wanted = std::min(std::size_t{64} << 10 << chunks_.size(), std::size_t{4} << 20);
      next_ = static_cast<std::byte*>(upstream()->allocate(wanted, chunk_alignment));
      end_ = next_ + wanted;
      chunks_.push_back({next_, wanted});
    }
    void* const block = next_;
    next_ += bytes;
    return block;
  }

  std::pmr::memory_resource* upstream() const { return chunks_.get_allocator().resource(); }

  std::array<free_block*, size_classes::count> free_{};
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
  std::pmr::vector<chunk> chunks_;
};

}  // namespace allot::bench
