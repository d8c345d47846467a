#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace allot::tool {

/// A line of a recorded call stack: "    #0 0x55d0c0de1234 (/usr/bin/program+0x1234)".
struct stack_frame {
  std::uint64_t address = 0;
  std::string file;          ///< empty where it is not known
  std::uint64_t offset = 0;  ///< of the address from where the file was loaded
};

/// Innermost first. Lines that are nothing like it are left out.
std::vector<stack_frame> frames_of(std::string_view stack);

}  // namespace allot::tool
