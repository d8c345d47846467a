#include "strategy_entries.hpp"

#include <cstddef>
#include <utility>

namespace allot::tool {
namespace {

bool starts_with(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

/// In an entry's text an option is
///     #   NAME: what it is for
///     #     what it takes
///     # NAME = default
/// and the last line has no # where the option is required.
void take_line(strategy_entry& into, std::string_view line) {
  constexpr std::string_view takes = "#     ";
  constexpr std::string_view option = "#   ";
  if (starts_with(line, takes)) {
    if (!into.options.empty()) into.options.back().takes = line.substr(takes.size());
  } else if (starts_with(line, option)) {
    line.remove_prefix(option.size());
    const std::size_t colon = line.find(": ");
    into.options.push_back({std::string(line.substr(0, colon)), std::string(line.substr(colon + 2)), "", ""});
  } else if (!into.options.empty()) {
    if (starts_with(line, "# ")) line.remove_prefix(2);
    const std::string start = into.options.back().name + " = ";
    if (starts_with(line, start)) into.options.back().value = line.substr(start.size());
  }
}

/// The name in [resources.NAME] or [budgets.NAME]; empty for another line.
std::string_view name_in(std::string_view header) {
  if (!starts_with(header, "[") || header.back() != ']') return {};
  const std::size_t dot = header.find('.');
  return dot == std::string_view::npos ? std::string_view() : header.substr(dot + 1, header.size() - dot - 2);
}

}  // namespace

std::vector<strategy_entry> entries_of(std::string_view reference) {
  std::vector<strategy_entry> entries;
  std::string_view before;
  for (const std::string_view line : lines_of(reference)) {
    if (const std::string_view name = name_in(line); !name.empty()) {
      const std::string summary(starts_with(before, "# ") ? before.substr(2) : std::string_view());
      if (!entries.empty()) entries.back().text.resize(entries.back().text.size() - before.size() - 1);
      entries.push_back({std::string(name), summary, std::string(before) + "\n", {}});
    }
    before = line;
    if (entries.empty()) continue;
    entries.back().text += std::string(line) + "\n";
    take_line(entries.back(), line);
  }
  for (strategy_entry& each : entries)  // what parts one from the next
    while (each.text.size() > 1 && each.text.substr(each.text.size() - 2) == "\n\n") each.text.pop_back();
  return entries;
}

}  // namespace allot::tool
