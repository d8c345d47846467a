#include <algorithm>
#include <allot/config/config.hpp>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "output.hpp"
#include "strategy_entries.hpp"
#include "subcommands.hpp"

namespace allot::tool {
namespace {

json to_json(const strategy_entry& entry) {
  json options = json::array();
  for (const option_entry& each : entry.options)
    options.push_back({{"name", each.name}, {"summary", each.summary}, {"takes", each.takes}, {"value", each.value}});
  return {{"name", entry.name}, {"summary", entry.summary}, {"options", std::move(options)}, {"text", entry.text}};
}

void print_all(const std::vector<strategy_entry>& entries, command_context& context) {
  if (context.json) {
    json all = json::array();
    for (const strategy_entry& each : entries) all.push_back({{"name", each.name}, {"summary", each.summary}});
    return write_json(context, {{"strategies", std::move(all)}});
  }
  std::size_t width = 0;
  for (const strategy_entry& each : entries) width = std::max(width, each.name.size());
  for (const strategy_entry& each : entries)
    context.out << painted(context, colour::bold, each.name) << std::string(width - each.name.size() + 2, ' ')
                << each.summary << '\n';
}

void print_one(const std::vector<strategy_entry>& entries, const std::string& name, command_context& context) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const auto& each) { return each.name == name; });
  if (found == entries.end())
    throw command_error(wrong_usage, "there is no strategy \"" + name + "\"; allot strategies lists all");
  if (context.json)
    write_json(context, to_json(*found));
  else
    context.out << found->text;
}

}  // namespace

void list_strategies(const std::string& name, command_context& context) {
  const std::vector<strategy_entry> entries = entries_of(config_reference());
  name.empty() ? print_all(entries, context) : print_one(entries, name, context);
}

}  // namespace allot::tool
