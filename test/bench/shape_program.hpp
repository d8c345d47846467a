#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bench/candidate.hpp"
#include "bench/shape.hpp"

namespace allot::bench {

/// A program that measures candidates of its own and all peers in some shapes.
struct shape_program {
  std::string name;
  std::vector<candidate> (*candidates)();
  std::vector<std::vector<shape> (*)(std::size_t shrink)> shapes;
};

/// Does what the command line asks for; `--help` says what that may be.
/// @return the program's exit code
int run_shape_program(const shape_program& program, int count, char** arguments);

}  // namespace allot::bench
