// What sampling_guard_resource costs: nanoseconds of the processor's time of a pair of allocate and deallocate through
// std::pmr, for the bare upstream and with samples at several rates. Prints a Markdown table of medians.

#include <algorithm>
#include <allot/adaptor/sampling_guard_resource.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/pool_resource.hpp>
#include <cstdio>
#include <memory>
#include <memory_resource>
#include <string>
#include <vector>

#include "bench/idle_thread.hpp"
#include "bench/pair_loop.hpp"
#include "bench/statistics.hpp"

namespace {

struct column {
  const char* title;
  std::size_t rate;
  std::unique_ptr<allot::sampling_guard_resource> sampled = nullptr;
  std::vector<double> times = {};
};

void measure(const char* name, std::pmr::memory_resource& upstream, std::size_t pairs, std::size_t rounds) {
  std::vector<double> bare;
  std::vector<column> columns;
  columns.push_back({"rate 0", 0});
  columns.push_back({"rate 50000", 50'000});
  columns.push_back({"rate 5000", 5000});
  columns.push_back({"rate 1", 1});
  for (column& each : columns) {
    allot::sampling_guard_options options;
    options.rate = each.rate;
    options.slots = 2 * allot::bench::pair_live;
    options.seed = 1;
    each.sampled = std::make_unique<allot::sampling_guard_resource>(upstream, options);
  }
  for (std::size_t round = 0; round < rounds; ++round) {  // in turn, so that noise meets all alike
    bare.push_back(allot::bench::nanoseconds_of_a_pair(&upstream, pairs));
    for (column& each : columns)
      each.times.push_back(
          allot::bench::nanoseconds_of_a_pair(each.sampled.get(), each.rate == 1 ? pairs / 500 : pairs));
  }
  const double floor = allot::bench::median(bare);
  std::printf("| %s | %.1f |", name, floor);
  for (const column& each : columns) {
    const double time = allot::bench::median(each.times);
    std::printf(" %.1f (%+.1f) |", time, time - floor);
  }
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  const bool tiny = argc == 2 && std::string(argv[1]) == "--tiny";
  const std::size_t pairs = tiny ? 10'000 : 1'000'000;
  const std::size_t rounds = tiny ? 1 : 51;
  const allot::bench::idle_thread second;
  std::printf("| upstream, ns a pair | bare | rate 0 | rate 50000 | rate 5000 | rate 1 |\n|---|---|---|---|---|---|\n");
  allot::pool_resource pool;
  allot::concurrent_pool concurrent;
  measure("pool_resource", pool, pairs, rounds);
  measure("concurrent_pool", concurrent, pairs, rounds);
  measure("std::pmr::new_delete_resource", *std::pmr::new_delete_resource(), pairs, rounds);
}
