#include <algorithm>
#include <allot/config/config.hpp>

#include "strategy.hpp"
#include "words.hpp"

namespace allot {
namespace config {
namespace {

constexpr std::string_view opening =
    "# Everything a config can say. Made from the table that configs are read by: do not edit.\n"
    "#\n"
    "# Every strategy has a table here, with all its options at their defaults. The file is a good config itself, and\n"
    "# stays one when the # before an option is taken away. docs/config.md explains the rest.\n"
    "\n"
    "# The resource that std::pmr::get_default_resource() gives while the config lives.\n"
    "# default = \"page_resource\"\n";

/// What stands behind the = of an option that leads to other entries.
std::string link_example(const option& row) {
  switch (row.kind) {
    case option_kind::budget:
      return "\"memory_budget\"";
    case option_kind::resources:
      return "[\"page_resource\", \"new_delete_resource\"]";
    case option_kind::routes:
      return "[{ max_bytes = \"4KiB\", max_alignment = 64, to = \"new_delete_resource\" }]";
    default:
      return "\"page_resource\"";
  }
}

void write(std::string& text, const strategy& one, bool is_budget) {
  text += "\n# " + one.doc + "\n";
  text += "[" + std::string(is_budget ? "budgets." : "resources.") + one.name + "]\n";
  if (!is_budget) text += "strategy = " + as_text(one.name) + "\n";
  const std::any defaults = one.defaults();
  for (const option& row : one.options) {
    std::string value;
    if (row.refers()) {
      value = link_example(row);
    } else if (!row.set) {
      value = as_text(one.name.substr(0, static_cast<std::size_t>(row.most)));
    } else if (!row.example.empty()) {
      value = row.example;
    } else if (row.required) {
      value = as_toml(row, std::uint64_t{std::max<std::uint64_t>(row.least, 4096)});
    } else {
      value = as_toml(row, row.get(defaults));
    }
    text += "#   " + std::string(row.name) + ": " + std::string(row.doc) + "\n#     " +
            (row.required ? "required: " : "") + allowed(row) +
            (row.only.key.empty() ? "" : "; only " + row.only.text()) + "\n";
    // a budget of its own cannot stand in for a parent, and some links need another option first
    if (row.name == "parent" || (row.refers() && row.only.set && !row.only.key.empty())) continue;
    const bool leave_out = value.empty() || value == "[]";
    if (!leave_out)
      text += (row.required || !row.example.empty() ? "" : "# ") + std::string(row.name) + " = " + value + "\n";
  }
}

}  // namespace
}  // namespace config

std::string config_reference() {
  std::string text(config::opening);
  config::write(text, config::budget_strategy(), true);
  for (const config::strategy& one : config::table_of_strategies()) config::write(text, one, false);
  return text;
}

}  // namespace allot
