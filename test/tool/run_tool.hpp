#pragma once

#include <allot/adaptor/tracing_resource.hpp>
#include <allot/trace/trace_sink.hpp>
#include <cstddef>
#include <fstream>
#include <functional>
#include <memory_resource>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "command/command.hpp"
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
  nlohmann::json value() const { return nlohmann::json::parse(out); }
};

/// Where it is as on terminals, or not.
struct tool_terminal {
  bool colours = false;
  bool progress = false;
};

inline tool_outcome run_tool(const std::vector<std::string>& arguments, const tool_terminal& terminal = {}) {
  std::ostringstream out;
  std::ostringstream errors;
  tool::command_context context{out, errors};
  context.colours = terminal.colours;
  context.progress = terminal.progress;
  tool_outcome done;
  done.code = tool::run(arguments, context);
  done.out = out.str();
  done.errors = errors.str();
  return done;
}

/// A trace of two resources, "lists" and "texts", used by so many threads.
inline void write_trace(const std::string& file, unsigned threads = 1, std::size_t blocks = 200) {
  trace_writer trace(file);
  trace_sink lists_sink(trace, "lists");
  trace_sink texts_sink(trace, "texts");
  tracing_resource lists(*std::pmr::new_delete_resource(), lists_sink);
  tracing_resource texts(*std::pmr::new_delete_resource(), texts_sink);
  const auto work = [&] {
    std::vector<void*> nodes;
    for (std::size_t i = 0; i < blocks; ++i) {
      nodes.push_back(lists.allocate(24));
      texts.deallocate(texts.allocate(100 + i), 100 + i);
    }
    for (void* const each : nodes) lists.deallocate(each, 24);
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& each : others) each.join();
}

inline void write_text(const std::string& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

inline std::string text_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// `default = "a"`, and a table for a resource of that name.
inline std::string one_resource(const std::string& strategy) {
  return "default = 'a'\n[resources.a]\nstrategy = '" + strategy + "'\n";
}

}  // namespace allot::test
