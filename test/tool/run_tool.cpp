#include "tool/run_tool.hpp"

#include <allot/adaptor/tracing_resource.hpp>
#include <allot/trace/trace_sink.hpp>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "command/command.hpp"

namespace allot::test {

nlohmann::json tool_outcome::value() const { return nlohmann::json::parse(out); }

tool_outcome run_tool(const std::vector<std::string>& arguments, const tool_terminal& terminal) {
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

void write_trace(const std::string& file, unsigned threads, std::size_t blocks) {
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

void write_text(const std::string& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

std::string text_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string one_resource(const std::string& strategy) {
  return "default = 'a'\n[resources.a]\nstrategy = '" + strategy + "'\n";
}

}  // namespace allot::test
