// The one file that knows the TOML library.

#include <toml++/toml.h>

#include <algorithm>

#include "nesting.hpp"
#include "reader.hpp"
#include "strategy.hpp"
#include "words.hpp"

namespace allot::config {
namespace {

class converter {
 public:
  explicit converter(const std::shared_ptr<const std::string>& source) : source_(source) {}

  node convert(const toml::node& from) const {
    node to;
    to.at = place_of(from.source());
    if (const auto* flag = from.as_boolean()) {
      to.is = node::type::flag;
      to.flag = flag->get();
    } else if (const auto* integer = from.as_integer()) {
      to.is = node::type::integer;
      to.integer = integer->get();
    } else if (const auto* real = from.as_floating_point()) {
      to.is = node::type::real;
      to.real = real->get();
    } else if (const auto* text = from.as_string()) {
      to.is = node::type::text;
      to.text = text->get();
    } else if (const auto* list = from.as_array()) {
      to.is = node::type::list;
      for (const toml::node& item : *list) to.items.push_back(convert(item));
    } else if (const auto* table = from.as_table()) {
      convert_members(*table, to);
    }
    return to;
  }

 private:
  place place_of(const toml::source_region& region) const { return {source_, region.begin.line, region.begin.column}; }

  void convert_members(const toml::table& from, node& to) const {
    to.is = node::type::table;
    to.is_inline = from.is_inline();
    for (const auto& [key, value] : from)
      to.members.push_back({std::string(key.str()), place_of(key.source()), convert(value)});
    // the library's own order is that of the alphabet
    std::stable_sort(to.members.begin(), to.members.end(), [](const member& a, const member& b) {
      return a.at.line != b.at.line ? a.at.line < b.at.line : a.at.column < b.at.column;
    });
  }

  const std::shared_ptr<const std::string>& source_;
};

/// The library's own words without what is no letter of a message: it quotes what it met, whatever that was.
std::string one_line(std::string_view text) {
  constexpr std::size_t longest = 300;
  std::string line;
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    line += byte >= 0x20 && byte < 0x7f ? c : '?';
  }
  return line;
}

/// What would be right for the option that is at fault, where it can be told.
std::string right_for(const statement& at) {
  if (at.key == "default") return "; it must be the name of one resource, in quotes";
  const std::shared_ptr<const strategy> how = find_strategy(at.strategy);
  const bool of_budget = at.key.compare(0, 8, "budgets.") == 0;
  const std::string key = at.key.substr(at.key.rfind('.') + 1);
  if (key == "strategy") return suggestion("", strategy_names(), "it takes one of these, in quotes");
  const option* const row = of_budget ? budget_strategy().find(key) : how != nullptr ? how->find(key) : nullptr;
  return row != nullptr ? "; it must be " + allowed(*row) : "";
}

}  // namespace

node read_toml(std::string_view text, const std::shared_ptr<const std::string>& source) {
  if (text.size() > longest_text)
    fail({source, 0, 0}, "", "is longer than the 4 MiB a config may have; is it the right file?");
  check_nesting(text, source);
  try {
    const toml::table root = toml::parse(text, *source);
    return converter(source).convert(root);
  } catch (const toml::parse_error& error) {
    const toml::source_position at = error.source().begin;
    const statement wrong = statement_at(text, at.line);
    fail({source, at.line, at.column}, wrong.key, "is no TOML: " + one_line(error.description()) + right_for(wrong));
  }
}

}  // namespace allot::config
