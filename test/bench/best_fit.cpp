#include "bench/best_fit.hpp"

#include <algorithm>
#include <iterator>
#include <new>

namespace allot::bench {

std::size_t best_fit::rounded(std::size_t bytes) {
  return std::max(granule, (bytes + granule - 1) / granule * granule);
}

void best_fit::insert(const span& free) {
  free_.emplace(free.begin, free.bytes);
  free_by_bytes_.emplace(free.bytes, free.begin);
}

void best_fit::remove(const span& free) {
  free_.erase(free.begin);
  free_by_bytes_.erase({free.bytes, free.begin});
}

void* best_fit::do_allocate(std::size_t bytes, std::size_t alignment) {
  const std::size_t wanted = rounded(bytes);
  const auto best = free_by_bytes_.lower_bound({wanted, 0});
  if (best == free_by_bytes_.end() || alignment > granule) throw std::bad_alloc();
  const span found{best->second, best->first};
  remove(found);
  if (found.bytes > wanted) insert({found.begin + wanted, found.bytes - wanted});
  return reinterpret_cast<void*>(range_begin + found.begin);
}

void best_fit::do_deallocate(void* p, std::size_t bytes, std::size_t) {
  span freed{reinterpret_cast<std::uintptr_t>(p) - range_begin, rounded(bytes)};
  const auto after = free_.lower_bound(freed.begin);
  if (after != free_.begin()) {
    const span before{std::prev(after)->first, std::prev(after)->second};
    if (before.begin + before.bytes == freed.begin) {
      freed = {before.begin, before.bytes + freed.bytes};
      remove(before);
    }
  }
  if (after != free_.end() && freed.begin + freed.bytes == after->first) {
    const span next{after->first, after->second};
    freed.bytes += next.bytes;
    remove(next);
  }
  insert(freed);
}

}  // namespace allot::bench
