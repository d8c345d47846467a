#include <string>
#include <string_view>
#include <vector>

#include "shells.hpp"

namespace allot::tool {
namespace {

/// As it stands in a word of _arguments, between single quotes.
std::string escaped(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (c == '\'') {
      made += "'\\''";
      continue;
    }
    if (c == '[' || c == ']' || c == ':' || c == '\\') made += '\\';
    made += c;
  }
  return made;
}

std::string action(const completed_value& value) {
  if (value.words.empty()) return value.file ? "_files" : " ";
  std::string words;
  for (const std::string& each : value.words) words += (words.empty() ? "" : " ") + each;
  return "(" + words + ")";
}

std::string lines_of(const std::vector<completed_option>& options) {
  std::string text;
  for (const completed_option& each : options) {
    std::string names;
    for (const std::string& name : each.names) names += (names.empty() ? "" : " ") + name;
    for (const std::string& name : each.names)
      text += "      '(" + names + ")" + name + "[" + escaped(each.summary) + "]" +
              (each.takes_value ? ":value:" + action(each.value) : "") + "' \\\n";
  }
  return text;
}

}  // namespace

std::string zsh_completion(const completed_program& program) {
  const std::string common = lines_of(program.common);
  std::string names;
  std::string cases;
  for (const completed_command& each : program.commands) {
    names += "      '" + each.name + ":" + escaped(each.summary) + "'\n";
    cases += "    " + each.name + ")\n      _arguments \\\n" + lines_of(each.options) + common + "      " +
             (each.runs_program ? "'*::program:_normal'" : "'*:argument:" + action(each.argument) + "'") +
             "\n      ;;\n";
  }
  return R"(#compdef allot
# zsh completion for allot, made by: allot completion zsh
_allot() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C \
)" + common +
         R"(      '1:subcommand:->subcommand' \
      '*::argument:->argument'
  case $state in
  subcommand)
    local -a subcommands=(
)" + names +
         R"(    )
    _describe subcommand subcommands
    ;;
  argument)
    case $words[1] in
)" + cases +
         R"(    esac
    ;;
  esac
}

if [[ $funcstack[1] == _allot ]]; then
  _allot "$@"
else
  compdef _allot allot
fi
)";
}

}  // namespace allot::tool
