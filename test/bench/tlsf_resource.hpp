#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>

namespace allot::bench {

/// A two-level segregated fit allocator, for comparison only: M. Masmano, I. Ripoll, A. Crespo and J. Real, "TLSF: a
/// New Dynamic Memory Allocator for Real-Time Systems", ECRTS 2004. Free blocks are in lists by size, 32 to the
/// doubling; two levels of bitmaps say which are not empty; a request is rounded up to the next list, whose first block
/// fits.
///
/// A block's header is its size with two flags, 8 bytes before what its user has. Where the block before it begins is
/// in that block's last bytes while it is free.
///
/// Aligns to 16 bytes at most. Not thread-safe.
class tlsf_resource final : public std::pmr::memory_resource {
 public:
  /// @param bytes  of one range from the upstream, which is all there will be
  explicit tlsf_resource(std::pmr::memory_resource* upstream, std::size_t bytes = std::size_t{512} << 20);
  ~tlsf_resource() override;
  tlsf_resource(const tlsf_resource&) = delete;
  tlsf_resource& operator=(const tlsf_resource&) = delete;

 private:
  struct block;

  static constexpr std::size_t alignment = 16;
  static constexpr unsigned lists_log2 = 5;  // lists to the doubling
  static constexpr std::size_t lists = std::size_t{1} << lists_log2;
  static constexpr unsigned small_log2 = 9;  // below this size there is a list for every multiple of 16
  static constexpr std::size_t doublings = 24;

  struct place {
    std::size_t doubling;
    std::size_t list;
  };
  static place place_of(std::size_t bytes) noexcept;

  void* do_allocate(std::size_t bytes, std::size_t align) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t align) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  block* find(std::size_t bytes) const noexcept;
  void insert(block* b) noexcept;
  void remove(block* b) noexcept;

  std::pmr::memory_resource* upstream_;
  std::size_t bytes_;
  std::byte* buffer_;
  std::uint32_t doubling_bits_ = 0;
  std::array<std::uint32_t, doublings> list_bits_{};
  std::array<std::array<block*, lists>, doublings> first_{};
};

}  // namespace allot::bench
