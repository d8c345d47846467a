#include <benchmark/benchmark.h>

#include <allot/block/guarded_page_resource.hpp>
#include <allot/block/memory_budget.hpp>
#include <allot/block/page_block.hpp>
#include <allot/block/page_resource.hpp>
#include <array>
#include <cstring>
#include <memory_resource>
#include <vector>

#include "support/access.hpp"

namespace {

using allot::page_block;

void create_destroy(benchmark::State& state) {
  constexpr std::size_t bytes = std::size_t{64} << 10;
  for (auto _ : state) benchmark::DoNotOptimize(page_block(bytes).data());

  constexpr std::size_t count = 1000;
  std::vector<page_block> blocks(count);  // the vector's own memory comes before
  const auto before = static_cast<double>(allot::test::map_count());
  for (page_block& block : blocks) block = page_block(bytes);
  state.counters["map entries a block"] =
      (static_cast<double>(allot::test::map_count()) - before) / static_cast<double>(count);
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

/// A block, a byte of it written, and gone again.
void pair_of(benchmark::State& state, std::pmr::memory_resource& memory, std::size_t bytes) {
  for (auto _ : state) {
    auto* const p = static_cast<volatile char*>(memory.allocate(bytes));
    *p = 1;
    memory.deallocate(const_cast<char*>(p), bytes);
  }
}

constexpr std::size_t several_pages = std::size_t{64} << 10;
constexpr std::size_t small = 100;

void pages(benchmark::State& state) {
  allot::page_resource memory;
  pair_of(state, memory, several_pages);
}
void standard_pages(benchmark::State& state) { pair_of(state, *std::pmr::new_delete_resource(), several_pages); }

void guarded(benchmark::State& state) {
  allot::guarded_page_resource memory;
  pair_of(state, memory, small);
}
void standard_small(benchmark::State& state) { pair_of(state, *std::pmr::new_delete_resource(), small); }

/// A hundred blocks, freed in the order they came, so that only the last frees bytes.
void hundred_of(benchmark::State& state, std::pmr::memory_resource& memory) {
  std::array<void*, 100> blocks;
  for (auto _ : state) {
    for (void*& p : blocks) p = memory.allocate(small);
    benchmark::DoNotOptimize(blocks.data());
    for (void* const p : blocks) memory.deallocate(p, small);
  }
}

void slice(benchmark::State& state) {
  allot::memory_budget_options options;
  options.permanent = several_pages;
  allot::memory_budget budget(options);
  allot::budget_slice memory = budget.permanent("hundred", several_pages);
  hundred_of(state, memory);
}
void standard_hundred(benchmark::State& state) { hundred_of(state, *std::pmr::new_delete_resource()); }

const bool registered = [] {
  benchmark::RegisterBenchmark("block/create_destroy", create_destroy)->Iterations(2000);
  benchmark::RegisterBenchmark("block/resize", resize)->Iterations(10);
  benchmark::RegisterBenchmark("block/copy", copy)->Iterations(3);
  benchmark::RegisterBenchmark("block/page_resource", pages)->Iterations(2000);
  benchmark::RegisterBenchmark("block/standard_pages", standard_pages)->Iterations(2000);
  benchmark::RegisterBenchmark("block/guarded", guarded)->Iterations(2000);
  benchmark::RegisterBenchmark("block/standard_small", standard_small)->Iterations(200000);
  benchmark::RegisterBenchmark("block/slice", slice)->Iterations(20000);
  benchmark::RegisterBenchmark("block/standard_hundred", standard_hundred)->Iterations(20000);
  return true;
}();

}  // namespace
