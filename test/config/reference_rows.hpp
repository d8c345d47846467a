#pragma once

#include <allot/config/config.hpp>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

// What config_reference() says of strategies, for tests that go through all of it.

namespace allot::test {

/// An option as the reference has it.
struct listed_option {
  std::string key;
  std::string value;  ///< its default
  bool required;
  std::string takes;  ///< in words
  std::string only;   ///< what it needs beside it: `with KEY = VALUE`, `with KEY`, `without KEY`; may be empty
};

inline const std::string a_budget =
    "[budgets.budget]\npermanent = \"1MiB\"\ntransient = \"1MiB\"\ncheck_available = false\n";

/// The options the reference lists below a header.
inline std::vector<listed_option> options_below(const std::string& header) {
  const std::string reference = config_reference();
  std::istringstream lines(reference.substr(reference.find(header) + header.size() + 1));
  std::vector<listed_option> found;
  const std::regex assignment("(# )?([a-z_]+) = (.*)");
  const std::regex words("#     (required: )?(.*?)(; only (.*))?");
  std::smatch parts;
  std::string takes;
  std::string only;
  for (std::string line; std::getline(lines, line) && !line.empty();) {
    if (line.compare(0, 6, "#     ") == 0 && std::regex_match(line, parts, words)) {
      takes = parts[2];
      only = parts[4];
    } else if (std::regex_match(line, parts, assignment) && parts[2] != "strategy") {
      found.push_back({parts[2], parts[3], parts[1].length() == 0, takes, only});
    }
  }
  return found;
}

/// A table for a strategy with what it must have, on the resource "below" where it takes an upstream.
inline std::string table_of(const std::string& strategy, bool with_upstream = true) {
  std::string table = "strategy = \"" + strategy + "\"\n";
  for (const listed_option& option : options_below("[resources." + strategy + "]")) {
    if (!option.required && (option.key != "upstream" || !with_upstream)) continue;
    std::string value = std::regex_replace(option.value, std::regex("\"(page|new_delete)_resource\""), "\"below\"");
    value = std::regex_replace(value, std::regex("\"memory_budget\""), "\"budget\"");
    if (strategy == "budget_slice" && option.key == "bytes") value = "\"512KiB\"";
    table += option.key + " = " + value + "\n";
  }
  return table;
}

/// A config with that strategy as "top", and `more` in its table.
inline std::string stack_of(const std::string& strategy, const std::string& below, const std::string& more = {},
                            bool with_upstream = true) {
  return a_budget + "[resources.top]\n" + table_of(strategy, with_upstream) + more +
         "[resources.below]\nstrategy = \"" + below + "\"\n";
}

/// The same, with what an option needs to have any effect.
inline std::string stack_for(const std::string& strategy, const listed_option& option, const std::string& line) {
  std::string more = line;
  if (option.only.find(" = ") != std::string::npos) more += option.only.substr(5) + "\n";
  if (strategy == "guarded_page_resource" && option.key == "slots") more += "slot_bytes = \"8KiB\"\n";
  if (strategy == "guarded_page_resource" && option.key == "slot_bytes") more += "slots = 4\n";
  for (const char* const kind : {"block", "chunk"})  // no first one is larger
    if (option.key == std::string("largest_") + kind)
      more += std::string("first_") + kind + line.substr(option.key.size());
  const bool alone = option.only == "without upstream" ||
                     (option.key == "virtual_blocks" && line.find("true") != line.npos) ||
                     option.only == "with virtual_blocks = true";
  return stack_of(strategy, "new_delete_resource", more, !alone);
}

/// Whether tests registered it.
inline bool is_users(const std::string& strategy) {
  return config_reference().find("[resources." + strategy + "]") == std::string::npos;
}

}  // namespace allot::test
