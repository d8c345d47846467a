#pragma once

#include <string>

#include "support/child.hpp"

// What child.cpp needs of the system.

namespace allot::test {

/// Runs a program with one more variable in its environment, and waits for its end.
child_outcome run_again(const std::string& program, const char* variable, const std::string& value);

/// For a child: a crash leaves nothing behind, and asks nobody.
void prepare_to_crash();

std::string path_of_program(const char* told);

}  // namespace allot::test
