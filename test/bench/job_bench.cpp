// The two halves of the main job, on arenas: build, then throw away.

#include <benchmark/benchmark.h>

#include <allot/arena/chained_arena.hpp>
#include <cstddef>
#include <memory_resource>
#include <vector>

#include "document_tree.hpp"
#include "text_input.hpp"
#include "word_index.hpp"

namespace {

using allot::chained_arena;
using std::pmr::monotonic_buffer_resource;

const std::vector<main_job::text_file>& text() {
  static const std::vector<main_job::text_file> files =
      main_job::read_files(main_job::default_files(), [](const auto&, auto) {});
  return files;
}

void empty(monotonic_buffer_resource& arena) { arena.release(); }
void empty(chained_arena& arena) { arena.clear(); }

const auto index_job = [](std::pmr::memory_resource& memory) {
  benchmark::DoNotOptimize(main_job::build_index(text(), memory).size());
};
const auto tree_job = [](std::pmr::memory_resource& memory) {
  benchmark::DoNotOptimize(main_job::build_tree(text(), memory).children.size());
};

/// A round that is not timed, then rounds on the emptied arena.
template <class Arena, class Job>
void rounds(benchmark::State& state, Arena& arena, Job job) {
  job(arena);
  for (auto _ : state) {
    empty(arena);
    job(arena);
  }
}

template <class Arena, class Job>
void warm(benchmark::State& state, Job job) {
  Arena arena;
  rounds(state, arena, job);
}

/// Both on the same memory, so that the jobs differ by nothing but allocation.
template <class Arena, class Job>
void on_buffer(benchmark::State& state, Job job) {
  static std::vector<std::byte> buffer(std::size_t{64} << 20);
  Arena arena(buffer.data(), buffer.size());
  rounds(state, arena, job);
}

template <class Arena, class Job>
void cold(benchmark::State& state, Job job) {
  for (auto _ : state) {
    Arena arena;
    job(arena);
  }
}

const bool registered = [] {
  using benchmark::RegisterBenchmark;
  using benchmark::State;
  using std_arena = monotonic_buffer_resource;
  RegisterBenchmark("index/std", [](State& s) { warm<std_arena>(s, index_job); });
  RegisterBenchmark("index/arena", [](State& s) { warm<chained_arena>(s, index_job); });
  RegisterBenchmark("index_cold/std", [](State& s) { cold<std_arena>(s, index_job); });
  RegisterBenchmark("index_cold/arena", [](State& s) { cold<chained_arena>(s, index_job); });
  RegisterBenchmark("tree/std", [](State& s) { warm<std_arena>(s, tree_job); });
  RegisterBenchmark("tree/arena", [](State& s) { warm<chained_arena>(s, tree_job); });
  RegisterBenchmark("tree_cold/std", [](State& s) { cold<std_arena>(s, tree_job); });
  RegisterBenchmark("tree_cold/arena", [](State& s) { cold<chained_arena>(s, tree_job); });
  RegisterBenchmark("index_buffer/std", [](State& s) { on_buffer<std_arena>(s, index_job); });
  RegisterBenchmark("index_buffer/arena", [](State& s) { on_buffer<chained_arena>(s, index_job); });
  RegisterBenchmark("tree_buffer/std", [](State& s) { on_buffer<std_arena>(s, tree_job); });
  RegisterBenchmark("tree_buffer/arena", [](State& s) { on_buffer<chained_arena>(s, tree_job); });
  return true;
}();

}  // namespace
