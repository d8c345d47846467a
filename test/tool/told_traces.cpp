#include "tool/told_traces.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <utility>

#include "command/command.hpp"

namespace allot::test {

said ask(std::vector<std::string> arguments, bool json, bool progress) {
  std::ostringstream out;
  std::ostringstream errors;
  tool::command_context context{out, errors};
  context.json = json;
  context.progress = progress;
  CLI::App app;
  add_all(app, context);
  std::reverse(arguments.begin(), arguments.end());
  app.parse(std::move(arguments));
  return {out.str(), errors.str(), context.code};
}

nlohmann::json facts(std::vector<std::string> arguments) {
  return nlohmann::json::parse(ask(std::move(arguments), true).out);
}

}  // namespace allot::test
