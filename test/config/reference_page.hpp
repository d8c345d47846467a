#pragma once

#include <allot/config/config.hpp>
#include <sstream>
#include <string>

// docs/config_strategies.md, made of what config_reference() says.

namespace allot::test {

/// The reference as a page: a heading for each strategy, a row for each of its options.
inline std::string reference_page() {
  std::string page =
      "# Strategies of configs, and their options\n"
      "\n"
      "Made from the table that configs are read by: do not edit. The target `config_reference` writes this page and\n"
      "[config_reference.toml](config_reference.toml), which says the same as a good config with all defaults; a test\n"
      "fails when either is not what the code says. [Stacks from a config file](config.md) explains the rest, and\n"
      "`allot strategies NAME` prints one of them.\n";
  const auto begins = [](const std::string& line, std::string_view with) {
    return line.compare(0, with.size(), with) == 0;
  };
  struct {
    std::string key, means, takes, value;
    bool required = false;
  } option;
  bool in_table = false;
  const auto write_option = [&] {
    if (option.key.empty()) return;
    if (!in_table) page += "\n| option | takes | default | means |\n|---|---|---|---|\n";
    in_table = true;
    const std::string otherwise = option.required ? "required" : option.value.empty() ? "" : "`" + option.value + "`";
    page += "| `" + option.key + "` | " + option.takes + " | " + otherwise + " | " + option.means + " |\n";
    option = {};
  };

  std::istringstream lines(config_reference());
  std::string comment;
  for (std::string line; std::getline(lines, line);) {
    if (begins(line, "#     ")) {
      option.takes = line.substr(6);
      option.required = begins(option.takes, "required: ");
      if (option.required) option.takes.erase(0, 10);
    } else if (begins(line, "#   ")) {
      write_option();
      const std::size_t colon = line.find(": ");
      option.key = line.substr(4, colon - 4);
      option.means = line.substr(colon + 2);
    } else if (begins(line, "[")) {
      write_option();
      in_table = false;
      const std::size_t dot = line.find('.');
      const bool budget = begins(line, "[budgets.");
      page += "\n## " + line.substr(dot + 1, line.size() - dot - 2) + (budget ? ", below `[budgets.NAME]`" : "") +
              "\n\n" + comment + "\n";
    } else if (!option.key.empty() && line.find(option.key + " = ") <= 2) {
      // Links to other entries and names are examples there, and so is what stands without a # before it.
      const bool example = !begins(line, "# ") || begins(option.takes, "the name of") || option.key == "name";
      if (!example) option.value = line.substr(line.find(" = ") + 3);
    } else if (begins(line, "# ")) {
      comment = line.substr(2);
    }
  }
  write_option();
  return page;
}

}  // namespace allot::test
