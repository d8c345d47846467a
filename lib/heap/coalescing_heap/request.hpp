#pragma once

#include <allot/core/checked_size.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <cstddef>

namespace allot {

/// What a block is to be, and where it may lie.
struct coalescing_heap::request {
  std::size_t bytes = 0;      // as asked for
  std::size_t alignment = 0;  // at least
  std::size_t granules = 0;
  std::size_t page = 0;  // it must not lie in two pages of this size; 0: it may

  /// The first granule, from `first` on, at which such a block may start.
  std::size_t place(const heap_range& range, std::size_t first) const noexcept {
    const std::uintptr_t begin = address_of(range.at(first));
    std::size_t padding = padding_for(begin, alignment);
    if (page != 0) {
      const std::size_t in_page = (begin + padding) % page;
      if (in_page + granules * granule_table::granule > page) padding += page - in_page;
    }
    return first + padding / granule_table::granule;
  }

  /// Granules of a free block that is sure to have such a place.
  std::size_t enough() const noexcept {
    return granules + (alignment / granule_table::granule - 1) + (page != 0 ? granules - 1 : 0);
  }
};

}  // namespace allot
