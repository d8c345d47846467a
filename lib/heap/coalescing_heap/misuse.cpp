#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <cstring>

// What is wrong with a block that comes back.

namespace allot {
namespace {

constexpr std::size_t granule = granule_table::granule;
constexpr unsigned char fence_byte = 0xfd;

}  // namespace

bool coalescing_heap::accept(const void* p, std::size_t bytes, std::size_t alignment) const {
  misuse_report found{misuse_kind::foreign_pointer, name(), p, bytes};
  const heap_range* const range = ranges_.find(p);
  if (!is_power_of_two(alignment)) {
    found.kind = misuse_kind::invalid_alignment;
    found.claimed = alignment;
  } else if (range != nullptr) {
    const granule_table& table = range->table();
    const granule_table::block block = table.around(range->granule_of(p));
    const std::size_t granules = table.size_at(block.start);
    found.actual = granules * granule - behind_;
    found.exact = false;
    if (!block.used) {
      if (is_aligned(p, granule)) found.kind = misuse_kind::double_free;
    } else if (p != range->at(block.start)) {
      found.kind = misuse_kind::interior_pointer;
    } else if (!is_aligned(p, alignment)) {
      found.kind = misuse_kind::wrong_alignment;
      found.claimed = alignment;
      found.actual = address_of(p) & (~address_of(p) + 1);
    } else if (granules == granules_for(bytes)) {
      return true;
    } else if (!options_.checked || accept_fence(p, bytes, granules)) {
      found.kind = misuse_kind::wrong_size;
    } else {
      return false;
    }
  }
  report_misuse(found);
  return false;
}

// ---- fences
//
//     | what was asked for | fence bytes, 0 or more | how many bytes that was too few, in one byte |

void coalescing_heap::write_fence(void* p, std::size_t bytes, std::size_t granules) const noexcept {
  auto* const begin = static_cast<unsigned char*>(p);
  const std::size_t asked = std::max<std::size_t>(bytes, 1);
  const std::size_t fence = granules * granule - asked;
  if (watched_) memory_tools::unpoison(begin + asked, fence);
  std::memset(begin + asked, fence_byte, fence - 1);
  begin[asked + fence - 1] = static_cast<unsigned char>(fence);
  if (watched_) memory_tools::poison(begin + asked, fence);
}

/// What was asked for, as far as that is known.
std::size_t coalescing_heap::block_bytes_of(const void* p, std::size_t granules) const noexcept {
  const std::size_t all = granules * granule;
  if (!options_.checked) return all - behind_;
  const auto* const last = static_cast<const unsigned char*>(p) + all - 1;
  if (watched_) memory_tools::unpoison(last, 1);
  const std::size_t fence = *last;
  if (watched_) memory_tools::poison(last, 1);
  const bool intact = fence >= behind_ && fence <= std::min(all, behind_ + granule - 1);
  return all - (intact ? fence : behind_);
}

/// Of a block of so many granules that is freed as one of `bytes`.
bool coalescing_heap::accept_fence(const void* p, std::size_t bytes, std::size_t granules) const {
  const auto* const begin = static_cast<const unsigned char*>(p);
  const std::size_t all = granules * granule;
  const std::size_t longest = std::min(all, behind_ + granule - 1);
  if (watched_) memory_tools::unpoison(begin + all - longest, longest);
  const std::size_t fence = begin[all - 1];
  const bool intact =
      fence >= behind_ && fence <= longest &&
      std::all_of(begin + all - fence, begin + all - 1, [](unsigned char byte) { return byte == fence_byte; });
  const std::size_t closed = intact ? fence : std::min(longest, behind_);
  if (watched_) memory_tools::poison(begin + all - closed, closed);
  const std::size_t asked = std::max<std::size_t>(bytes, 1);
  if (intact && all - fence == asked) return true;
  if (intact) {
    report_misuse({misuse_kind::wrong_size, name(), p, bytes, all - fence});
  } else {
    report_misuse({misuse_kind::overrun, name(), p, bytes});
  }
  return false;
}

}  // namespace allot
