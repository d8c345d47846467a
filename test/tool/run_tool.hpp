#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "trace/trace_files.hpp"

namespace allot::test {

/// What the command did in this process.
struct tool_outcome {
  int code = -1;
  std::string out;
  std::string errors;

  bool says(std::string_view text) const { return errors.find(text) != std::string::npos; }
  bool prints(std::string_view text) const { return out.find(text) != std::string::npos; }
  /// @throws nlohmann::json::parse_error unless all of the output is one value
  nlohmann::json value() const;
};

/// Where it is as on terminals, or not.
struct tool_terminal {
  bool colours = false;
  bool progress = false;
};

tool_outcome run_tool(const std::vector<std::string>& arguments, const tool_terminal& terminal = {});

/// A trace of two resources, "lists" and "texts", used by so many threads.
void write_trace(const std::string& file, unsigned threads = 1, std::size_t blocks = 200);

void write_text(const std::string& file, const std::string& text);
std::string text_of(const std::string& file);

/// `default = "a"`, and a table for a resource of that name.
std::string one_resource(const std::string& strategy);

}  // namespace allot::test
