#pragma once

#include <algorithm>
#include <allot/trace/compare.hpp>
#include <cstddef>
#include <string>
#include <vector>

namespace allot::test {

/// A comparison that never was.
inline comparison row(const std::string& name, std::vector<double> seconds, std::size_t committed = 1000) {
  comparison made;
  made.name = name;
  made.rounds = seconds;
  std::sort(seconds.begin(), seconds.end());
  made.fastest = seconds.front();
  made.seconds = seconds[seconds.size() / 2];
  made.slowest = seconds.back();
  made.result.peak_committed = committed;
  return made;
}

}  // namespace allot::test
