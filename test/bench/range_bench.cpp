// How large a range of addresses a heap needs for what is alive in it: nothing is timed, nothing is written.

#include <algorithm>
#include <allot/core/resource.hpp>
#include <cstdint>
#include <limits>

#include "bench/shapes.hpp"
#include "bench/stream.hpp"

namespace allot::bench {
namespace {

constexpr std::size_t alignment = 8;

/// From the lowest address ever given to the end of the highest block ever, over the most bytes asked for at once.
readings range_needed(std::pmr::memory_resource& memory, const stream& events) {
  std::vector<void*> blocks(events.most_blocks());
  std::uintptr_t begin = std::numeric_limits<std::uintptr_t>::max();
  std::uintptr_t end = 0;
  for (const stream::event& e : events.events()) {
    void*& p = blocks[e.block];
    if (e.is_allocation) {
      p = memory.allocate(e.bytes, alignment);
      const auto at = reinterpret_cast<std::uintptr_t>(p);
      begin = std::min(begin, at);
      end = std::max(end, at + e.bytes);
    } else {
      memory.deallocate(p, e.bytes, alignment);
    }
  }
  constexpr double mib = 1 << 20;
  const double peak = static_cast<double>(events.peak_bytes());
  const double range = static_cast<double>(end - begin);
  const resource* const ours = as_resource(&memory);
  const double metadata = ours == nullptr ? 0 : static_cast<double>(ours->usage().wasted);
  return {range / peak, peak / mib, static_cast<double>(events.events().size()), metadata / range * 100};
}

}  // namespace

std::vector<shape> range_shapes(std::size_t shrink) {
  constexpr std::size_t metadata = 3;  // the place of its measure
  std::vector<shape> all;
  for (const stream_kind& kind : stream_kinds())
    all.push_back({"range_" + kind.name,
                   kind.what,
                   {"peak range / peak live", "MiB of peak live", "events", "metadata of ours, % of the range"},
                   shape::for_whom::one_range,
                   shape::starts::cold,
                   11,
                   [=]() -> round_function {
                     return
                         [=](const subject& s) { return range_needed(s.memory(), kind.make(shrink, s.round() + 1)); };
                   },
                   {{"coalescing_heap", "best fit", 1.02}, {"coalescing_heap", "", 1.7, metadata}}});
  return all;
}

}  // namespace allot::bench
