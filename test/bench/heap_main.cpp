// Measures the heap and the general-purpose resources against their peers; test/bench/run has it do all, `heap_bench
// --help` says what else it can do.

#include "bench/heap_candidates.hpp"
#include "bench/shape_program.hpp"
#include "bench/shapes.hpp"

int main(int argc, char** argv) {
  using namespace allot::bench;
  return run_shape_program({"heap_bench",
                            heaps,
                            {size_shapes, huge_size_shapes, cold_size_shapes, container_shapes, aged_heap_shapes,
                             latency_shapes, concurrent_shapes, range_shapes, resident_shapes}},
                           argc, argv);
}
