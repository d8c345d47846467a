#include <CLI/CLI.hpp>
#include <algorithm>
#include <allot/config/config.hpp>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "completion/shells.hpp"
#include "output.hpp"
#include "strategy_entries.hpp"
#include "subcommands.hpp"

namespace allot::tool {
namespace {

/// From what stands for the value in the help: FILE and its like, STRATEGY, or words in braces.
completed_value value_of(const CLI::Option& option) {
  const std::string takes = option.get_type_name();
  completed_value made;
  made.file = takes == "FILE" || takes == "TRACE" || takes == "CONFIG";
  if (takes == "STRATEGY")
    for (const strategy_entry& each : entries_of(config_reference())) made.words.push_back(each.name);
  const std::size_t open = takes.find('{');
  if (open == std::string::npos || takes.back() != '}') return made;
  const std::string inside = takes.substr(open + 1, takes.size() - open - 2);
  for (std::size_t at = 0; at <= inside.size();) {
    const std::size_t end = std::min(inside.find(',', at), inside.size());
    made.words.push_back(inside.substr(at, end - at));
    at = end + 1;
  }
  return made;
}

std::vector<completed_option> options_of(const CLI::App& app) {
  std::vector<completed_option> made;
  for (const CLI::Option* each : app.get_options()) {
    completed_option option;
    for (const std::string& name : each->get_lnames()) option.names.push_back("--" + name);
    for (const std::string& name : each->get_snames()) option.names.push_back("-" + name);
    if (option.names.empty()) continue;
    option.summary = each->get_description();
    option.takes_value = each->get_expected_max() > 0 && each->get_type_size() > 0;
    option.value = value_of(*each);
    made.push_back(option);
  }
  return made;
}

completed_program described(const CLI::App& app) {
  completed_program program;
  program.common = options_of(app);
  for (const CLI::App* each : app.get_subcommands({})) {
    completed_command command{each->get_name(), each->get_description(), options_of(*each), {}, false};
    command.options.erase(std::remove_if(command.options.begin(), command.options.end(),
                                         [](const auto& option) { return option.names.front() == "--help"; }),
                          command.options.end());
    for (const CLI::Option* option : each->get_options())
      if (option->get_positional()) command.argument = value_of(*option);
    command.runs_program = command.name == "record";
    program.commands.push_back(command);
  }
  return program;
}

}  // namespace

void write_completion(const std::string& shell, const CLI::App& app, command_context& context) {
  const completed_program program = described(app);
  const std::string script = shell == "bash"  ? bash_completion(program)
                             : shell == "zsh" ? zsh_completion(program)
                                              : fish_completion(program);
  if (context.json)
    write_json(context, {{"shell", shell}, {"script", script}});
  else
    context.out << script;
}

}  // namespace allot::tool
