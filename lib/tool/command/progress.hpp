#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "command.hpp"

namespace allot::tool {

/// One line on a terminal that says how far long work is. It is gone at the end; where nobody looks there is none.
class progress {
 public:
  progress(command_context& context, const std::string& what);
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// How many parts of how many are done. Cheap: the line is drawn ten times a second at most.
  void at(std::uint64_t done, std::uint64_t of);

 private:
  void draw(const std::string& line);

  command_context& context_;
  std::string what_;
  std::size_t width_ = 0;
  std::chrono::steady_clock::time_point drawn_{};
};

}  // namespace allot::tool
