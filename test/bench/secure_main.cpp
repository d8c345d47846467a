// Measures the secure resources against their peers; test/bench/run has it do all, `secure_bench --help` says what else
// it can do.

#include "bench/secure_candidates.hpp"
#include "bench/shape_program.hpp"
#include "bench/shapes.hpp"

int main(int argc, char** argv) {
  using namespace allot::bench;
  return run_shape_program({"secure_bench", secure_resources, {secure_shapes}}, argc, argv);
}
