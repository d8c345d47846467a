#include <benchmark/benchmark.h>

#include <allot/arena/chained_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/os/virtual_memory.hpp>
#include <cstdlib>
#include <memory>
#include <memory_resource>
#include <random>
#include <vector>

namespace {

using allot::chained_arena;
using allot::monotonic_arena;
using std::pmr::memory_resource;
using std::pmr::monotonic_buffer_resource;

/// Hides where a resource comes from, as a container's allocator does.
memory_resource* opaque(memory_resource* p) {
  benchmark::DoNotOptimize(p);
  return p;
}

struct size_source {
  std::vector<std::size_t> sizes;
  std::size_t total = 0;
};

size_source make_sizes(std::size_t count, std::size_t smallest, std::size_t largest, std::size_t step) {
  std::mt19937 random(1);
  size_source source;
  for (std::size_t i = 0; i < count; ++i) {
    source.sizes.push_back(smallest + random() % ((largest - smallest) / step + 1) * step);
    source.total += source.sizes.back();
  }
  return source;
}

template <class Resource>
void allocate_fixed(Resource& memory, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) benchmark::DoNotOptimize(memory.allocate(16, 8));
}

template <class Resource>
void allocate_mixed(Resource& memory, const std::vector<std::size_t>& sizes) {
  for (const std::size_t bytes : sizes) benchmark::DoNotOptimize(memory.allocate(bytes, 8));
}

// ---- allocation only: both on the same buffer, emptied between rounds, so that nothing but allocation is timed
// -----------

constexpr std::size_t allocations = 4000;
const size_source mixed_sizes = make_sizes(allocations, 8, 256, 8);
std::vector<std::byte> buffer(1 << 20);

void empty(monotonic_buffer_resource& arena) { arena.release(); }
void empty(allot::arena& arena) { arena.clear(); }

template <class Arena, class Work>
void warm(benchmark::State& state, Work work) {
  Arena arena(buffer.data(), buffer.size());
  work(arena);
  for (auto _ : state) {
    empty(arena);
    work(arena);
    benchmark::ClobberMemory();
  }
}

template <class Arena, class Work>
void cold(benchmark::State& state, Work work) {
  for (auto _ : state) {
    Arena arena;
    work(arena);
    benchmark::ClobberMemory();
  }
}

const auto fixed_through_pointer = [](auto& arena) { allocate_fixed(*opaque(&arena), allocations); };
const auto fixed_direct = [](auto& arena) { allocate_fixed(arena, allocations); };
const auto mixed_through_pointer = [](auto& arena) { allocate_mixed(*opaque(&arena), mixed_sizes.sizes); };
const auto mixed_direct = [](auto& arena) { allocate_mixed(arena, mixed_sizes.sizes); };

// ---- 1.6 GB in blocks of 16 bytes, from nothing, given back at the end
// ---------------------------------------------------

constexpr std::size_t fill_count = 100'000'000;

/// A round that is not timed goes before each: under a hypervisor memory that was free for a while may have to come
/// from the host first, and that would be timed instead.
template <class Round>
void fill_rounds(benchmark::State& state, Round round) {
  for (auto _ : state) {
    state.PauseTiming();
    round();
    state.ResumeTiming();
    round();
  }
}

template <class Make>
void fill(benchmark::State& state, Make make) {
  fill_rounds(state, [&] {
    const auto arena = make();
    memory_resource* const memory = opaque(arena.get());
    for (std::size_t i = 0; i < fill_count; ++i) *static_cast<std::size_t*>(memory->allocate(16, 8)) = i;
  });
}

/// What no allocator can be faster than: a store every 16 bytes over fresh pages.
void fill_bare(benchmark::State& state, bool huge_pages) {
  fill_rounds(state, [&] {
    constexpr std::size_t bytes = fill_count * 16;
    const std::size_t large = allot::os::facts().advised_page_size;
    const auto pages = allot::os::map(bytes, huge_pages && large != 0 ? large : 1, allot::os::access::read_write);
    if (!pages) return state.SkipWithError("no memory");
    if (huge_pages) (void)allot::os::advise(pages.address, bytes, allot::os::advice::huge_pages);
    auto* const words = static_cast<volatile std::size_t*>(pages.address);
    for (std::size_t i = 0; i < fill_count; ++i) words[i * 2] = i;
    (void)allot::os::release(pages.address, bytes);
  });
}

std::unique_ptr<chained_arena> virtual_arena(bool huge_pages) {
  allot::chained_arena_options options;
  options.virtual_blocks = true;
  options.huge_pages = huge_pages;
  return std::make_unique<chained_arena>(options);
}

std::unique_ptr<monotonic_arena> own_reservation(bool huge_pages) {
  allot::monotonic_arena_options options;
  options.size = fill_count * 16;
  options.huge_pages = huge_pages;
  return std::make_unique<monotonic_arena>(options);
}

// ---- a million allocations of 16 to 256 bytes
// ----------------------------------------------------------------------------

const size_source million = make_sizes(1'000'000, 16, 256, 1);
std::vector<void*> pointers(million.sizes.size());

template <bool Touch, class Allocate>
void allocate_million(Allocate allocate) {
  for (std::size_t i = 0; i < million.sizes.size(); ++i) {
    pointers[i] = allocate(million.sizes[i]);
    if constexpr (Touch) *static_cast<std::size_t*>(pointers[i]) = i;
  }
  benchmark::ClobberMemory();
}

template <bool Touch>
void malloc_million(benchmark::State& state) {
  const auto round = [] {
    allocate_million<Touch>([](std::size_t bytes) { return std::malloc(bytes); });
    for (void* p : pointers) std::free(p);
  };
  round();
  for (auto _ : state) round();
}

template <bool Touch>
void arena_million(benchmark::State& state) {
  chained_arena arena;
  const auto round = [&] {
    memory_resource* const memory = opaque(&arena);
    allocate_million<Touch>([&](std::size_t bytes) { return memory->allocate(bytes); });
    arena.clear();
  };
  round();
  for (auto _ : state) round();
}

void arena_million_direct(benchmark::State& state) {
  chained_arena arena;
  const auto round = [&] {
    allocate_million<false>([&](std::size_t bytes) { return arena.allocate(bytes); });
    arena.clear();
  };
  round();
  for (auto _ : state) round();
}

void arena_million_release(benchmark::State& state) {
  chained_arena arena;
  const auto round = [&] {
    memory_resource* const memory = opaque(&arena);
    allocate_million<false>([&](std::size_t bytes) { return memory->allocate(bytes); });
    arena.release();
  };
  round();
  for (auto _ : state) round();
}

const bool registered = [] {
  using benchmark::RegisterBenchmark;
  using benchmark::State;
  using std_arena = monotonic_buffer_resource;
  RegisterBenchmark("fixed/std", [](State& s) { warm<std_arena>(s, fixed_through_pointer); });
  RegisterBenchmark("fixed/arena", [](State& s) { warm<chained_arena>(s, fixed_through_pointer); });
  RegisterBenchmark("fixed/arena_direct", [](State& s) { warm<chained_arena>(s, fixed_direct); });
  RegisterBenchmark("fixed/monotonic", [](State& s) { warm<monotonic_arena>(s, fixed_through_pointer); });
  RegisterBenchmark("fixed/monotonic_direct", [](State& s) { warm<monotonic_arena>(s, fixed_direct); });
  RegisterBenchmark("mixed/std", [](State& s) { warm<std_arena>(s, mixed_through_pointer); });
  RegisterBenchmark("mixed/arena", [](State& s) { warm<chained_arena>(s, mixed_through_pointer); });
  RegisterBenchmark("mixed/arena_direct", [](State& s) { warm<chained_arena>(s, mixed_direct); });
  RegisterBenchmark("mixed/monotonic", [](State& s) { warm<monotonic_arena>(s, mixed_through_pointer); });
  RegisterBenchmark("mixed/monotonic_direct", [](State& s) { warm<monotonic_arena>(s, mixed_direct); });
  RegisterBenchmark("fixed_cold/std", [](State& s) { cold<std_arena>(s, fixed_through_pointer); });
  RegisterBenchmark("fixed_cold/arena", [](State& s) { cold<chained_arena>(s, fixed_through_pointer); });
  RegisterBenchmark("mixed_cold/std", [](State& s) { cold<std_arena>(s, mixed_through_pointer); });
  RegisterBenchmark("mixed_cold/arena", [](State& s) { cold<chained_arena>(s, mixed_through_pointer); });
  RegisterBenchmark("fill/std", [](State& s) { fill(s, [] { return std::make_unique<std_arena>(); }); })->Iterations(1);
  RegisterBenchmark("fill/arena_huge", [](State& s) { fill(s, [] { return virtual_arena(true); }); })->Iterations(1);
  RegisterBenchmark("fill/arena_small", [](State& s) { fill(s, [] { return virtual_arena(false); }); })->Iterations(1);
  RegisterBenchmark("fill/monotonic_huge", [](State& s) {
    fill(s, [] { return own_reservation(true); });
  })->Iterations(1);
  RegisterBenchmark("fill/monotonic_small", [](State& s) {
    fill(s, [] { return own_reservation(false); });
  })->Iterations(1);
  RegisterBenchmark("fill/bare_huge", [](State& s) { fill_bare(s, true); })->Iterations(1);
  RegisterBenchmark("fill/bare_small", [](State& s) { fill_bare(s, false); })->Iterations(1);
  RegisterBenchmark("million/malloc", malloc_million<false>)->Iterations(3);
  RegisterBenchmark("million/arena_clear", arena_million<false>)->Iterations(3);
  RegisterBenchmark("million/arena_clear_direct", arena_million_direct)->Iterations(3);
  RegisterBenchmark("million_touched/malloc", malloc_million<true>)->Iterations(3);
  RegisterBenchmark("million_touched/arena_clear", arena_million<true>)->Iterations(3);
  RegisterBenchmark("million/arena_release", arena_million_release)->Iterations(3);
  return true;
}();

}  // namespace
