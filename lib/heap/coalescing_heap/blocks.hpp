#pragma once

#include <algorithm>
#include <allot/core/compiler.hpp>
#include <allot/heap/coalescing_heap.hpp>

// How granules become blocks and free again, inline in every way there.

namespace allot {

/// Makes a block of the first granules of a free block that is in no list. What is left stays free.
ALLOT_ALWAYS_INLINE void coalescing_heap::use(heap_range& range, std::size_t at, std::size_t granules,
                                              std::size_t there) noexcept {
  if (granules != there) insert_free(range, at + granules, there - granules);
  range.table().mark_used(at);
  range.table().set_size(at, granules, true);
  touch(range, at, granules, there);
  count_used(granules);
}

ALLOT_ALWAYS_INLINE void coalescing_heap::insert_free(heap_range& range, std::size_t at,
                                                      std::size_t granules) noexcept {
  range.table().set_free(at);
  range.table().set_size(at, granules, false);
  index_.insert(range.node_of(at), granules);
}

/// Makes a block of granules of the free end of the newest range, of which those before it stay free.
inline void coalescing_heap::take_top(std::size_t at, std::size_t granules) noexcept {
  touch(*newest_, top_, at - top_ + granules, newest_->granules() - top_);
  if (at != top_) insert_free(*newest_, top_, at - top_);
  newest_->table().set_used(at);
  newest_->table().set_size(at, granules, true);
  set_top(at + granules);
  count_used(granules);
}

/// The free end of the newest range begins there.
ALLOT_ALWAYS_INLINE void coalescing_heap::set_top(std::size_t at) noexcept {
  top_ = at;
  if (at == newest_->granules()) return;
  newest_->table().set_free(at);
  newest_->table().set_size(at, newest_->granules() - at, false);
}

ALLOT_ALWAYS_INLINE void coalescing_heap::count_used(std::size_t granules) noexcept {
  used_ += granules;
  if (used_ > peak_) peak_ = used_;
}

/// Of a block that comes into use pages that were given back count again; those of what is left behind it, too, as far
/// as its node reaches, and all of them if that goes into a list of its own size.
inline void coalescing_heap::touch(heap_range& range, std::size_t at, std::size_t granules,
                                   std::size_t there) noexcept {
  if (dropped_pages_) range.touch(at, std::min(granules + free_index::exact_sizes, there));
}

}  // namespace allot
