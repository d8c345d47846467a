#include <string>
#include <vector>

#include "shells.hpp"

namespace allot::tool {
namespace {

std::string joined(const std::vector<std::string>& words, const std::string& between = " ") {
  std::string text;
  for (const std::string& each : words) text += (text.empty() ? "" : between) + each;
  return text;
}

std::string offer(const completed_value& value) {
  if (!value.words.empty()) return "_allot_offer -W '" + joined(value.words) + "'";
  return value.file ? "_allot_offer_files" : ":";
}

std::string names_of(const std::vector<completed_option>& options) {
  std::string text;
  for (const completed_option& each : options) text += (text.empty() ? "" : " ") + joined(each.names);
  return text;
}

/// What may follow an option.
std::string values_of(const completed_command& command) {
  std::string text;
  for (const completed_option& each : command.options)
    if (each.takes_value)
      for (const std::string& name : each.names)
        text += "    '" + command.name + " " + name + "') " + offer(each.value) + "; return ;;\n";
  return text;
}

}  // namespace

std::string bash_completion(const completed_program& program) {
  const std::string common = names_of(program.common);
  std::string names;
  std::string options;
  std::string values;
  std::string arguments;
  std::string programs;
  for (const completed_command& each : program.commands) {
    names += (names.empty() ? "" : " ") + each.name;
    values += values_of(each);
    options += "        " + each.name + ") _allot_offer -W '" + names_of(each.options) + " " + common + "' ;;\n";
    arguments += "        " + each.name + ") " + offer(each.argument) + " ;;\n";
    if (each.runs_program) programs += (programs.empty() ? "" : "|") + each.name;
  }
  return R"(# bash completion for allot, made by: allot completion bash
_allot_offer() {
    mapfile -t COMPREPLY < <(compgen "$@" -- "${COMP_WORDS[COMP_CWORD]}")
}

_allot_offer_files() {
    compopt -o filenames 2>/dev/null
    _allot_offer -f
}

_allot() {
    local subcommand='' i
    for ((i = 1; i < COMP_CWORD; ++i)); do
        case ${COMP_WORDS[i]} in
        --)
            [[ $subcommand == @()" +
         programs + R"() ]] || break
            if ((COMP_CWORD == i + 1)); then _allot_offer -c; else _allot_offer_files; fi
            return
            ;;
        -*) ;;
        *) [[ -n $subcommand ]] || subcommand=${COMP_WORDS[i]} ;;
        esac
    done
    case "$subcommand ${COMP_WORDS[COMP_CWORD-1]}" in
)" + values +
         R"(    esac
    if [[ ${COMP_WORDS[COMP_CWORD]} == -* ]]; then
        case $subcommand in
        '') _allot_offer -W ')" +
         common + "' ;;\n" + options + R"(        esac
    else
        case $subcommand in
        '') _allot_offer -W ')" +
         names + "' ;;\n" + arguments + R"(        esac
    fi
}

complete -F _allot allot
)";
}

}  // namespace allot::tool
