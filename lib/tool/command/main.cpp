// The command: what is said of it in docs/command.md and in its man page.

#include <allot/os/descriptor.hpp>
#include <allot/os/environment.hpp>
#include <allot/os/terminal.hpp>
#include <iostream>
#include <string_view>

#include "command.hpp"

namespace {

bool says(const char* variable, std::string_view what) {
  const char* const value = allot::os::environment_variable(variable);
  return value != nullptr && value == what;
}

bool is_set(const char* variable) {
  const char* const value = allot::os::environment_variable(variable);
  return value != nullptr && *value != '\0';
}

}  // namespace

int main(int count, char** arguments) {
  constexpr int standard_output = 1;
  const bool plain = says("TERM", "dumb");
  allot::tool::command_context context{std::cout, std::cerr};
  context.colours = !plain && !is_set("NO_COLOR") && allot::os::terminal_width(standard_output) != 0;
  context.progress = !plain && allot::os::terminal_width(allot::os::standard_error) != 0;
  return allot::tool::run({arguments + (count > 0 ? 1 : 0), arguments + count}, context);
}
