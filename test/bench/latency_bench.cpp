// How long a single call takes at worst, on a heap that has aged.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include "bench/shapes.hpp"
#include "bench/workloads.hpp"

namespace allot::bench {
namespace {

using std::pmr::memory_resource;

/// Nanoseconds of many calls, of which one in so many is longer than what is asked for.
class durations {
 public:
  explicit durations(std::size_t count) : all_(count, 1) {}  // written to, so that its pages are there

  /// How long the call took, with the look at the clock.
  template <class Call>
  void time(Call call) {
    const auto start = clock::now();
    call();
    all_[next_++] = nanoseconds(clock::now() - start);
  }

  void sort() { std::sort(all_.begin(), all_.end()); }

  /// When sorted.
  double percentile(double percent) const {
    const auto at = static_cast<std::size_t>(percent / 100 * static_cast<double>(all_.size()));
    return all_[std::min(at, all_.size() - 1)];
  }

 private:
  using clock = std::chrono::steady_clock;

  static std::uint32_t nanoseconds(clock::duration d) {
    const auto count = std::chrono::duration_cast<std::chrono::nanoseconds>(d).count();
    return static_cast<std::uint32_t>(std::min<std::int64_t>(count, std::numeric_limits<std::uint32_t>::max()));
  }

  std::vector<std::uint32_t> all_;
  std::size_t next_ = 0;
};

/// Blocks are replaced at random, twice as often as there are blocks before the clock is first looked at.
readings latencies(memory_resource& memory, std::size_t live, std::size_t operations) {
  const replacements aging(live, 2 * live, size_16_to_1k, 1);
  std::vector<held_block> blocks = aging.fill(memory);
  aging.replace(memory, blocks);

  durations calls(operations);
  durations nothing(operations / 2);
  quick_random random(2);
  for (std::size_t i = 0; i < operations / 2; ++i) {
    held_block& block = blocks[random.below(live)];
    const std::size_t bytes = size_16_to_1k(random);
    nothing.time([] {});
    calls.time([&] { block.give_back(memory); });
    calls.time([&] { block = held_block::of(memory, bytes); });
  }
  replacements::give_back(memory, blocks);
  calls.sort();
  nothing.sort();
  return {calls.percentile(99.99), calls.percentile(50),   calls.percentile(99),     calls.percentile(99.9),
          calls.percentile(100),   nothing.percentile(50), nothing.percentile(99.99)};
}

}  // namespace

std::vector<shape> latency_shapes(std::size_t shrink) {
  constexpr std::size_t live = 300'000;
  const std::size_t operations = 10'000'000 / shrink;
  return {
      {"latency",
       "single calls on an aged heap of 300 000 blocks of 16 B to 1 KiB, each with the look at the clock",
       {"99.99th percentile, ns", "50th", "99th", "99.9th", "longest", "the clock alone, 50th", "99.99th"},
       shape::for_whom::one_thread,
       shape::starts::warm,
       3,
       [=]() -> round_function { return [=](const subject& s) { return latencies(s.memory(), live, operations); }; },
       {{"coalescing_heap", "TLSF", 0}, {"coalescing_heap", "glibc malloc", 0}, {"general_resource", "TLSF", 0}}}};
}

}  // namespace allot::bench
