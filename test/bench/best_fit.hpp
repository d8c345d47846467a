#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory_resource>
#include <set>
#include <utility>

namespace allot::bench {

/// Which addresses exact best fit would give: always the smallest free block that holds the request, of several the one
/// with the lowest address; freed blocks are merged with their neighbours; no headers, sizes in multiples of 16.
///
/// There is no memory at these addresses. Not thread-safe.
class best_fit final : public std::pmr::memory_resource {
 public:
  best_fit() { insert({0, range_bytes}); }

 private:
  static constexpr std::size_t granule = 16;
  static constexpr std::size_t range_bytes = std::size_t{1} << 40;
  static constexpr std::uintptr_t range_begin = granule;  // so that no block is at the null pointer

  struct span {
    std::size_t begin;  // from the begin of the range
    std::size_t bytes;
  };

  static std::size_t rounded(std::size_t bytes);
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  void insert(const span& free);
  void remove(const span& free);

  std::map<std::size_t, std::size_t> free_;                      // begin to bytes
  std::set<std::pair<std::size_t, std::size_t>> free_by_bytes_;  // and then begin
};

}  // namespace allot::bench
