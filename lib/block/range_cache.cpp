#include <algorithm>
#include <allot/block/range_cache.hpp>

namespace allot {

range_cache::range_cache(std::size_t ranges, std::size_t bytes) noexcept
    : ranges_allowed_(std::min(ranges, most_ranges)), bytes_allowed_(bytes) {}

range_cache::extent range_cache::take_oldest() noexcept { return count_ != 0 ? take_at(0) : extent{}; }

void range_cache::close_gap(std::size_t index) noexcept {
  std::copy(ranges_.begin() + index + 1, ranges_.begin() + count_ + 1, ranges_.begin() + index);
}

}  // namespace allot
