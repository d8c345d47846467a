#include <algorithm>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/heap/coalescing_heap.hpp>

#include "coalescing_heap/blocks.hpp"
#include "coalescing_heap/request.hpp"

namespace allot {
namespace {

constexpr std::size_t granule = granule_table::granule;

/// Whether the alignment is one, and a block with it may start at p.
bool may_start(const void* p, std::size_t alignment) noexcept {
  return (address_of(p) & ((granule - 1) | (alignment - 1))) == 0 && is_power_of_two(alignment);
}

}  // namespace

// ---- allocation

/// At least one; those of more than any object are too many for any range.
std::size_t coalescing_heap::granules_for(std::size_t bytes) const noexcept {
  if (bytes > max_object_bytes - behind_ - granule) return max_object_bytes / granule + 1;
  return (std::max<std::size_t>(bytes, 1) + behind_ + granule - 1) / granule;
}

/// False where no memory could ever hold it.
bool coalescing_heap::describe(std::size_t bytes, std::size_t alignment, request& wanted) const noexcept {
  wanted = {bytes, std::max(alignment, granule), granules_for(bytes), 0};
  const bool own_pages = !in_buffer_ && upstream_ == nullptr;
  if (own_pages && wanted.granules >= options_.large_threshold / granule)
    wanted.alignment = std::max(wanted.alignment, options_.page_size);
  if (options_.page_local && wanted.granules <= options_.page_size / granule) wanted.page = options_.page_size;
  return wanted.granules + wanted.alignment / granule < max_object_bytes / granule;
}

/// Most requests find a free block of just their size. All others are left to calls that need not return here, which
/// keeps this short.
void* coalescing_heap::do_allocate(std::size_t bytes, std::size_t alignment) {
  if (ALLOT_LIKELY(bytes - 1 < exact_limit_ && alignment <= granule && is_power_of_two(alignment))) {
    const std::size_t granules = (bytes + granule - 1) / granule;
    heap_range& range = ranges_.recent();
    if (void* const p = index_.first_exact(granules); p != nullptr && ALLOT_LIKELY(range.holds(p))) {
      index_.remove_exact(p, granules);
      range.table().mark_used(range.granule_of(p));
      count_used(granules);
      return p;
    }
  }
  return allocate_from_larger(bytes, alignment);
}

/// Of a free block that may be larger, where only the size counts.
void* coalescing_heap::allocate_from_larger(std::size_t bytes, std::size_t alignment) {
  if (ALLOT_LIKELY(bytes - 1 < simple_limit_ && alignment <= granule && is_power_of_two(alignment))) {
    const std::size_t granules = (bytes + granule - 1) / granule;
    if (const free_index::block found = index_.take(granules); ALLOT_LIKELY(found.at != nullptr)) {
      heap_range& range = ranges_.find_node(found.at);
      use(range, range.granule_of_node(found.at), granules, found.granules);
      return found.at;
    }
    if (newest_ != nullptr && newest_->granules() - top_ >= granules) {
      const std::size_t at = top_;
      take_top(at, granules);
      return newest_->at(at);
    }
  }
  return allocate_slowly(bytes, alignment);
}

/// Whatever the size, the place and the tools.
void* coalescing_heap::allocate_slowly(std::size_t bytes, std::size_t alignment) {
  request wanted;
  if (!is_power_of_two(alignment) || !describe(bytes, alignment, wanted)) refuse(bytes, alignment);
  void* p = take_placed(wanted);
  if (p == nullptr) {
    obtain(wanted);
    p = take_placed_top(wanted);
  }
  if (behind_ != 0) hand_out(p, 0, bytes, wanted.granules);
  return p;
}

void coalescing_heap::refuse(std::size_t bytes, std::size_t alignment) const {
  if (is_power_of_two(alignment))
    throw allocation_error({memory_errc::size_overflow, name(), bytes, alignment, max_object_bytes});
  report_misuse({misuse_kind::invalid_alignment, name(), nullptr, alignment});
  throw allocation_error({memory_errc::invalid_alignment, name(), bytes, alignment});
}

void* coalescing_heap::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  request wanted;
  if (!is_power_of_two(alignment) || !describe(bytes, alignment, wanted)) return nullptr;
  try {
    return coalescing_heap::do_allocate(bytes, alignment);
  } catch (...) {
    return nullptr;
  }
}

void* coalescing_heap::take_placed(const request& wanted) noexcept {
  const free_index::block found =
      index_.find_fitting(wanted.granules, wanted.enough(), [&](const free_index::block& candidate) {
        const heap_range& range = ranges_.find_node(candidate.at);
        const std::size_t first = range.granule_of_node(candidate.at);
        return wanted.place(range, first) + wanted.granules <= first + candidate.granules;
      });
  if (found.at == nullptr) return top_holds(wanted) ? take_placed_top(wanted) : nullptr;
  heap_range& range = ranges_.find_node(found.at);
  const std::size_t first = range.granule_of_node(found.at);
  const std::size_t end = first + found.granules;
  const std::size_t at = wanted.place(range, first);
  index_.remove(found.at, found.granules);
  if (first != at) {
    touch(range, first, at - first, at - first);
    insert_free(range, first, at - first);
    range.table().set_used(at);
  }
  use(range, at, wanted.granules, end - at);
  return range.at(at);
}

bool coalescing_heap::top_holds(const request& wanted) const noexcept {
  return newest_ != nullptr && wanted.place(*newest_, top_) + wanted.granules <= newest_->granules();
}

/// Of the free end of the newest range, which has room for it.
void* coalescing_heap::take_placed_top(const request& wanted) noexcept {
  const std::size_t at = wanted.place(*newest_, top_);
  take_top(at, wanted.granules);
  return newest_->at(at);
}

// ---- deallocation

/// Most small blocks lie between others in use when they are freed. As above.
void coalescing_heap::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  heap_range& range = ranges_.recent();
  if (ALLOT_LIKELY(range.holds(p) && may_start(p, alignment) && bytes - 1 < exact_limit_)) {
    const std::size_t at = range.granule_of(p);
    const std::size_t granules = (bytes + granule - 1) / granule;
    granule_table& table = range.table();
    if (ALLOT_LIKELY(table.is_used_start(at) && table.has_size(at, granules))) {
      if (!ALLOT_LIKELY(table.is_used(at + granules) && table.is_used_before(at))) return merge(range, at, granules);
      table.mark_free(at);
      used_ -= granules;
      index_.insert_exact(p, granules);
      return;
    }
  }
  deallocate_larger(p, bytes, alignment);
}

void coalescing_heap::deallocate_larger(void* p, std::size_t bytes, std::size_t alignment) {
  heap_range& range = ranges_.recent();
  if (ALLOT_LIKELY(range.holds(p) && may_start(p, alignment) && bytes - 1 < plain_limit_)) {
    const std::size_t at = range.granule_of(p);
    const std::size_t granules = (bytes + granule - 1) / granule;
    if (ALLOT_LIKELY(range.table().is_used_start(at) && range.table().size_at(at) == granules))
      return merge(range, at, granules);
  }
  deallocate_slowly(p, bytes, alignment);
}

/// Whatever the range and the tools, and all that is misuse.
void coalescing_heap::deallocate_slowly(void* p, std::size_t bytes, std::size_t alignment) {
  const std::size_t granules = granules_for(bytes);
  if (!accept(p, bytes, alignment) || (options_.checked && !accept_fence(p, bytes, granules))) return;
  heap_range& range = *ranges_.find(p);
  if (watched_) memory_tools::poison(p, granules * granule);
  merge(range, range.granule_of(p), granules);
}

/// Frees a block in use, and merges it with the free blocks on both sides.
void coalescing_heap::merge(heap_range& range, std::size_t at, std::size_t granules) noexcept {
  granule_table& table = range.table();
  std::size_t first = at;
  std::size_t end = at + granules;
  used_ -= granules;
  if (end != range.granules() && !table.is_used(end)) {
    const std::size_t behind = table.size_at(end);
    if (&range != newest_ || end != top_) index_.remove(range.node_of(end), behind);
    table.clear_start(end);
    end += behind;
  }
  if (const granule_table::block left = table.before(at); !left.used) {
    index_.remove(range.node_of(left.start), at - left.start);
    table.clear_start(at);
    first = left.start;
  } else {
    table.mark_free(at);
  }
  table.set_size(first, end - first, false);
  if (end == range.granules() && &range == newest_) {
    top_ = first;
  } else {
    index_.insert(range.node_of(first), end - first);
  }
}

// ---- growing and shrinking in place

bool coalescing_heap::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                 std::size_t alignment) noexcept {
  const std::size_t old_granules = granules_for(old_bytes);
  const std::size_t granules = granules_for(new_bytes);
  if (!accept(p, old_bytes, alignment) || (options_.checked && !accept_fence(p, old_bytes, old_granules))) return false;
  heap_range& range = *ranges_.find(p);
  const std::size_t at = range.granule_of(p);
  const request wanted{new_bytes, granule, granules, options_.page_local ? options_.page_size : 0};
  if (granules <= wanted.page / granule && wanted.place(range, at) != at) return false;
  if (granules > old_granules) {
    if (granules > range.most_granules() - at) return false;
    if (!extend(range, at + old_granules, granules - old_granules)) return false;
    count_used(granules - old_granules);
    range.table().set_size(at, granules, true);
  } else if (granules < old_granules) {
    range.table().set_used(at + granules);
    range.table().set_size(at, granules, true);
    if (watched_) memory_tools::poison(range.at(at + granules), (old_granules - granules) * granule);
    merge(range, at + granules, old_granules - granules);
  }
  if (behind_ != 0) hand_out(p, old_bytes, new_bytes, granules);
  return true;
}

/// Takes the first granules of what is free at `at`, the end of a block, which has them then.
bool coalescing_heap::extend(heap_range& range, std::size_t at, std::size_t granules) noexcept {
  granule_table& table = range.table();
  const bool top = &range == newest_ && at == top_;
  if (top && range.granules() - at < granules && !grow_newest(at + granules)) return false;
  if (at == range.granules() || table.is_used(at)) return false;
  const std::size_t there = table.size_at(at);
  if (there < granules) return false;
  touch(range, at, granules, there);
  if (!top) index_.remove(range.node_of(at), there);
  table.clear_start(at);
  if (top) {
    set_top(at + granules);
  } else if (there != granules) {
    insert_free(range, at + granules, there - granules);
  }
  return true;
}

/// Makes bytes of a block of so many granules the caller's, of which `old_bytes` are already.
void coalescing_heap::hand_out(void* p, std::size_t old_bytes, std::size_t bytes, std::size_t granules) noexcept {
  if (watched_) {
    auto* const begin = static_cast<std::byte*>(p);
    if (bytes > old_bytes) memory_tools::hand_out(begin + old_bytes, bytes - old_bytes);
    memory_tools::poison(begin + bytes, granules * granule - bytes);
  }
  if (options_.checked) write_fence(p, bytes, granules);
}

}  // namespace allot
