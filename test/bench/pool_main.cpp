// Measures the pools against their peers; test/bench/run has it do all, `pool_bench --help` says what else it can do.

#include "bench/pool_candidates.hpp"
#include "bench/shape_program.hpp"
#include "bench/shapes.hpp"

int main(int argc, char** argv) {
  using namespace allot::bench;
  return run_shape_program(
      {"pool_bench", pools, {size_shapes, container_shapes, aged_heap_shapes, memory_shapes, concurrent_shapes}}, argc,
      argv);
}
