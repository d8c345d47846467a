#include <string>
#include <string_view>
#include <vector>

#include "shells.hpp"

namespace allot::tool {
namespace {

std::string in_quotes(std::string_view text) {
  std::string made = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') made += '\\';
    made += c;
  }
  return made + "'";
}

std::string words_of(const completed_value& value) {
  std::string words;
  for (const std::string& each : value.words) words += (words.empty() ? "" : " ") + each;
  return words;
}

std::string line_of(const std::string& condition, const completed_option& option) {
  std::string line = "complete -c allot" + condition;
  for (const std::string& name : option.names)
    line += name.substr(0, 2) == "--" ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (option.takes_value) {
    if (!option.value.words.empty())
      line += " -x -a " + in_quotes(words_of(option.value));
    else
      line += option.value.file ? " -r -F" : " -x";
  }
  return line + " -d " + in_quotes(option.summary) + "\n";
}

}  // namespace

std::string fish_completion(const completed_program& program) {
  std::string text = "# fish completion for allot, made by: allot completion fish\ncomplete -c allot -f\n";
  for (const completed_option& each : program.common) text += line_of("", each);
  for (const completed_command& each : program.commands)
    text += "complete -c allot -n __fish_use_subcommand -a " + each.name + " -d " + in_quotes(each.summary) + "\n";
  for (const completed_command& each : program.commands) {
    const std::string condition = " -n '__fish_seen_subcommand_from " + each.name + "'";
    for (const completed_option& option : each.options) text += line_of(condition, option);
    if (!each.argument.words.empty())
      text += "complete -c allot" + condition + " -a " + in_quotes(words_of(each.argument)) + "\n";
    else if (each.argument.file || each.runs_program)
      text += "complete -c allot" + condition + " -F\n";
  }
  return text;
}

}  // namespace allot::tool
