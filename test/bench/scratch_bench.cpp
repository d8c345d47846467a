#include <benchmark/benchmark.h>

#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scope.hpp>
#include <allot/arena/scratch_pair.hpp>
#include <cstdlib>

namespace {

// A temporary of 64 bytes, written to, a thousand times a round.
constexpr int temporaries = 1000;

void touch(void* p) {
  benchmark::DoNotOptimize(p);
  *static_cast<volatile char*>(p) = 1;
}

template <class One>
void repeat(benchmark::State& state, One one) {
  for (auto _ : state)
    for (int i = 0; i < temporaries; ++i) one();
}

void malloc_free(benchmark::State& state) {
  repeat(state, [] {
    void* const p = std::malloc(64);
    touch(p);
    std::free(p);
  });
}

void scratch_arena(benchmark::State& state) {
  repeat(state, [] {
    allot::arena& memory = allot::thread_scratch().pick();
    const allot::scope here(memory);
    touch(memory.push(64));
  });
}

void scratch_arena_and_conflict(benchmark::State& state) {
  allot::monotonic_arena output;
  repeat(state, [&] {
    allot::arena& memory = allot::thread_scratch().pick(output);
    const allot::scope here(memory);
    touch(memory.push(64));
  });
}

void scratch_resource(benchmark::State& state) {
  repeat(state, [] {
    allot::scratch temporary = allot::get_scratch();
    touch(temporary.push(64));
  });
}

void scratch_resource_and_conflict(benchmark::State& state) {
  const allot::scratch output = allot::get_scratch();
  repeat(state, [&] {
    allot::scratch temporary = allot::get_scratch(output);
    touch(temporary.push(64));
  });
}

void marked(benchmark::State& state) {
  allot::monotonic_arena arena;
  repeat(state, [&] {
    const allot::arena_mark before = arena.mark();
    touch(arena.push(64));
    arena.rewind(before);
  });
}

const bool registered = [] {
  using benchmark::RegisterBenchmark;
  RegisterBenchmark("scratch/malloc", malloc_free);
  RegisterBenchmark("scratch/arena", scratch_arena);
  RegisterBenchmark("scratch/arena_conflict", scratch_arena_and_conflict);
  RegisterBenchmark("scratch/resource", scratch_resource);
  RegisterBenchmark("scratch/resource_conflict", scratch_resource_and_conflict);
  RegisterBenchmark("scratch/mark", marked);
  return true;
}();

}  // namespace
