#include <CLI/CLI.hpp>
#include <algorithm>
#include <allot/config/config_error.hpp>
#include <allot/trace/trace_record.hpp>
#include <cerrno>
#include <new>
#include <nlohmann/json.hpp>
#include <ostream>
#include <stdexcept>
#include <system_error>

#include "command.hpp"
#include "errors.hpp"
#include "output.hpp"

namespace allot::tool {
namespace {

/// The first argument that is no option: the subcommand's name.
std::vector<std::string>::const_iterator subcommand_in(const std::vector<std::string>& arguments) {
  return std::find_if(arguments.begin(), arguments.end(), [](const auto& each) { return each.substr(0, 1) != "-"; });
}

void check_subcommand(const CLI::App& app, const std::vector<std::string>& arguments) {
  const auto wanted = subcommand_in(arguments);
  if (wanted == arguments.end()) return;  // --help, say
  std::string names;
  for (const CLI::App* each : app.get_subcommands({})) {
    if (each->get_name() == *wanted) return;
    names += (names.empty() ? "" : ", ") + each->get_name();
  }
  throw std::invalid_argument("there is no subcommand \"" + *wanted + "\"; there are " + names);
}

/// What stands after -- is the program of `record`, with options of its own.
void take_program(std::vector<std::string>& arguments, command_context& context) {
  const auto wanted = subcommand_in(arguments);
  if (wanted == arguments.end() || *wanted != "record") return;
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  if (end == arguments.end()) return;
  context.program.assign(end + 1, arguments.end());
  arguments.erase(end, arguments.end());
}

void say_version(command_context& context, const std::string& version) {
  if (context.json)
    write_json(context, {{"version", version}});
  else
    context.out << "allot " << version << '\n';
}

void parse(CLI::App& app, std::vector<std::string> arguments, command_context& context) {
  try {
    check_subcommand(app, arguments);
    take_program(arguments, context);
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    app.parse(std::move(arguments));
  } catch (const CLI::RequiredError&) {
    if (!app.get_subcommands().empty()) throw;
    throw std::invalid_argument("which subcommand? allot --help lists them");
  } catch (const CLI::ExtrasError& error) {
    if (!app.got_subcommand("record") || !context.program.empty()) throw;
    throw std::invalid_argument(std::string(error.what()) + "; the program to record stands after --");
  } catch (const CLI::CallForHelp&) {
    context.out << app.help();
  } catch (const CLI::CallForVersion& version) {
    say_version(context, version.what());
  }
}

void flush(command_context& context) {
  context.out.flush();
  if (!context.out) throw command_error(cannot_write, "standard output: cannot be written");
}

}  // namespace

int run(std::vector<std::string> arguments, command_context& context) {
  // Wrong usage is told as JSON, too, wherever the option stands.
  const auto options_end = std::find(arguments.begin(), arguments.end(), "--");
  context.json = std::find(arguments.begin(), options_end, "--json") != options_end;
  try {
    CLI::App app("", "allot");
    add_all(app, context);
    parse(app, std::move(arguments), context);
    flush(context);
    return context.code;
  } catch (...) {
    return tell_error(context);
  }
}

}  // namespace allot::tool
