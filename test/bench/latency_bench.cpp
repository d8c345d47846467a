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

/// Nanoseconds of many calls, always the same ones in each pass. The least of a call is kept: an interrupt meets
/// another call in each pass, and what the heap itself has to do at times meets the same.
class durations {
 public:
  explicit durations(std::size_t count) : least_(count, std::numeric_limits<std::uint32_t>::max()) {}

  void next_pass() { next_ = 0; }

  /// With the look at the clock.
  template <class Call>
  void time(Call call) {
    const auto start = clock::now();
    call();
    const std::uint32_t taken = nanoseconds(clock::now() - start);
    least_[next_] = std::min(least_[next_], taken);
    ++next_;
  }

  void sort() { std::sort(least_.begin(), least_.end()); }

  /// When sorted.
  double percentile(double percent) const {
    const auto at = static_cast<std::size_t>(percent / 100 * static_cast<double>(least_.size()));
    return least_[std::min(at, least_.size() - 1)];
  }

 private:
  using clock = std::chrono::steady_clock;

  static std::uint32_t nanoseconds(clock::duration d) {
    const auto count = std::chrono::duration_cast<std::chrono::nanoseconds>(d).count();
    return static_cast<std::uint32_t>(std::min<std::int64_t>(count, std::numeric_limits<std::uint32_t>::max()));
  }

  std::vector<std::uint32_t> least_;
  std::size_t next_ = 0;
};

struct timed_calls {
  explicit timed_calls(std::size_t operations) : heap(operations), nothing(operations / 2) {}
  durations heap;
  durations nothing;
};

/// Blocks are replaced at random: first twice as many as there are, then with a look at the clock around each call.
void pass(memory_resource& memory, const replacements& aging, std::size_t operations, timed_calls& calls) {
  std::vector<held_block> blocks = aging.fill(memory);
  aging.replace(memory, blocks);
  calls.heap.next_pass();
  calls.nothing.next_pass();
  quick_random random(2);
  for (std::size_t i = 0; i < operations / 2; ++i) {
    held_block& block = blocks[random.below(blocks.size())];
    const std::size_t bytes = size_16_to_1k(random);
    calls.nothing.time([] {});
    calls.heap.time([&] { block.give_back(memory); });
    calls.heap.time([&] { block = held_block::of(memory, bytes); });
  }
  replacements::give_back(memory, blocks);
}

readings latencies(memory_resource& memory, const replacements& aging, std::size_t operations) {
  constexpr int passes = 3;
  timed_calls calls(operations);
  for (int i = 0; i < passes; ++i) pass(memory, aging, operations, calls);
  timed_calls one_pass(operations);
  pass(memory, aging, operations, one_pass);
  for (durations* each : {&calls.heap, &calls.nothing, &one_pass.heap}) each->sort();
  return {calls.heap.percentile(99.99),   calls.heap.percentile(50),    calls.heap.percentile(99),
          calls.heap.percentile(100),     calls.nothing.percentile(50), calls.nothing.percentile(99.99),
          one_pass.heap.percentile(99.99)};
}

}  // namespace

std::vector<shape> latency_shapes(std::size_t shrink) {
  const std::size_t live = 300'000 / shrink;
  const std::size_t operations = 10'000'000 / shrink;
  return {{"latency",
           "single calls on an aged heap of 300 000 blocks of 16 B to 1 KiB, with the look at the clock, the least of "
           "three passes",
           {"99.99th percentile, ns", "50th", "99th", "longest", "the clock alone, 50th", "99.99th",
            "99.99th of a single pass"},
           shape::for_whom::one_thread,
           shape::starts::warm,
           1,
           [=]() -> round_function {
             return [=, aging = replacements(live, 2 * live, size_16_to_1k, 1)](const subject& s) {
               return latencies(s.memory(), aging, operations);
             };
           },
           {{"coalescing_heap", "TLSF", 0}, {"coalescing_heap", "glibc malloc", 0}, {"general_resource", "TLSF", 0}}}};
}

}  // namespace allot::bench
