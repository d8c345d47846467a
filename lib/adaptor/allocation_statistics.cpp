#include <algorithm>
#include <allot/adaptor/allocation_statistics.hpp>
#include <allot/core/byte_size.hpp>
#include <limits>
#include <ostream>

namespace allot {

std::size_t allocation_statistics::bucket_bound(std::size_t bucket) noexcept {
  constexpr std::size_t bits = std::numeric_limits<std::size_t>::digits;
  return bucket < std::min(bits, buckets - 1) ? std::size_t{1} << bucket : std::numeric_limits<std::size_t>::max();
}

allocation_statistics difference(const allocation_statistics& before, const allocation_statistics& after) noexcept {
  allocation_statistics between;
  between.live_blocks = after.live_blocks - before.live_blocks;
  between.live_bytes = after.live_bytes - before.live_bytes;
  between.peak_blocks = after.peak_blocks - before.peak_blocks;
  between.peak_bytes = after.peak_bytes - before.peak_bytes;
  between.total_blocks = after.total_blocks - before.total_blocks;
  between.total_bytes = after.total_bytes - before.total_bytes;
  between.failures = after.failures - before.failures;
  for (std::size_t i = 0; i < allocation_statistics::buckets; ++i) between.sizes[i] = after.sizes[i] - before.sizes[i];
  return between;
}

std::ostream& operator<<(std::ostream& out, const allocation_statistics& statistics) {
  out << "live:     " << statistics.live_bytes << " bytes in " << statistics.live_blocks << " blocks\n"
      << "peak:     " << statistics.peak_bytes << " bytes, " << statistics.peak_blocks << " blocks\n"
      << "total:    " << statistics.total_bytes << " bytes in " << statistics.total_blocks << " blocks\n"
      << "failures: " << statistics.failures << '\n';
  for (std::size_t i = 0; i < allocation_statistics::buckets; ++i)
    if (statistics.sizes[i] != 0)
      out << "  up to " << format_byte_size(allocation_statistics::bucket_bound(i)) << ": " << statistics.sizes[i]
          << '\n';
  return out;
}

}  // namespace allot
