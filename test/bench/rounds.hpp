#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "bench/candidate.hpp"
#include "bench/shape.hpp"

namespace allot::bench {

/// All rounds of one candidate: a list of values for each measure of the shape.
struct rounds_of {
  std::string name;
  candidate of;
  std::vector<std::vector<double>> values;
};

/// Every candidate the shape is for, once a round, so that whatever disturbs the machine meets all alike.
std::vector<rounds_of> run_rounds(const shape& of, const std::vector<candidate>& all, std::size_t rounds);

/// A Markdown table of the medians, the best first, with ratios to the floor and to the best peer; then the
/// goals whose candidates ran, and what became of them.
void print_table(const shape& of, std::vector<rounds_of> all, std::ostream& out);

/// Runs it in a process of its own, so that what it does to heaps is not part of the next figures.
/// @return whether it ended well
bool in_child(const std::function<void()>& body);

}  // namespace allot::bench
