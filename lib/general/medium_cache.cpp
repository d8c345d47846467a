#include <algorithm>
#include <allot/general/medium_cache.hpp>

namespace allot {

medium_cache::medium_cache() noexcept {
  for (std::size_t i = 0; i < bin_count; ++i)
    bins_[i].most_kept = static_cast<std::uint32_t>(std::clamp<std::size_t>(most_bytes / bytes_of(i), fewest, most));
}

/// Those that have been here longest.
void medium_cache::make_room(std::size_t bytes, coalescing_heap& heap) {
  bin& from = bins_[bin_of(bytes)];
  const std::uint32_t gone = (from.count + 1) / 2;
  void* blocks[most];
  std::copy_n(from.blocks, gone, blocks);
  std::copy(from.blocks + gone, from.blocks + from.count, from.blocks);
  from.count -= gone;
  held_ -= gone * bytes;
  for (std::uint32_t i = 0; i < gone; ++i) heap.deallocate(blocks[i], bytes);
}

void medium_cache::empty_into(coalescing_heap& heap) {
  for (std::size_t i = 0; i < bin_count; ++i)
    while (bins_[i].count != 0) heap.deallocate(bins_[i].blocks[--bins_[i].count], bytes_of(i));
  held_ = 0;
}

bool medium_cache::holds(const void* p, std::size_t bytes) const noexcept {
  const bin& of_size = bins_[bin_of(bytes)];
  return std::find(of_size.blocks, of_size.blocks + of_size.count, p) != of_size.blocks + of_size.count;
}

bool medium_cache::holds(const void* p) const noexcept {
  for (const bin& each : bins_)
    if (std::find(each.blocks, each.blocks + each.count, p) != each.blocks + each.count) return true;
  return false;
}

}  // namespace allot
