#include <benchmark/benchmark.h>

#include <allot/block/page_block.hpp>
#include <cstring>
#include <vector>

#include "support/access.hpp"

namespace {

using allot::page_block;

void create_destroy(benchmark::State& state) {
  constexpr std::size_t bytes = std::size_t{64} << 10;
  for (auto _ : state) benchmark::DoNotOptimize(page_block(bytes).data());

  constexpr std::size_t count = 1000;
  const std::size_t before = allot::test::map_count();
  std::vector<page_block> blocks;
  for (std::size_t i = 0; i < count; ++i) blocks.emplace_back(bytes);
  state.counters["map entries a block"] =
      static_cast<double>(allot::test::map_count() - before) / static_cast<double>(count);
}

constexpr std::size_t large = std::size_t{256} << 20;

/// Grows by a page where the next addresses are taken, so that every round moves the block.
void resize(benchmark::State& state) {
  const std::size_t page = allot::os::facts().page_size;
  page_block block(large);
  std::memset(block.data(), 1, block.size());
  for (auto _ : state) {
    state.PauseTiming();
    block.resize(large);
    char* const end = static_cast<char*>(block.data()) - block.lead_guard_size() + block.total_size();
    const auto obstacle = allot::os::reserve(page, 1, {allot::os::placement::how::fixed, end});
    void* const data = block.data();
    state.ResumeTiming();
    block.resize(large + page);
    state.PauseTiming();
    if (block.data() == data) state.SkipWithError("the block did not move");
    if (obstacle) (void)allot::os::release(obstacle.address, page);
    state.ResumeTiming();
  }
}

void copy(benchmark::State& state) {
  page_block from(large);
  page_block to(large);
  std::memset(from.data(), 1, large);
  std::memset(to.data(), 1, large);
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), large);
    benchmark::ClobberMemory();
  }
}

const bool registered = [] {
  benchmark::RegisterBenchmark("block/create_destroy", create_destroy)->Iterations(2000);
  benchmark::RegisterBenchmark("block/resize", resize)->Iterations(10);
  benchmark::RegisterBenchmark("block/copy", copy)->Iterations(3);
  return true;
}();

}  // namespace
