#include "settings.hpp"

#include <algorithm>
#include <allot/config/config_error.hpp>
#include <set>
#include <utility>
#include <vector>

#include "nesting.hpp"
#include "reader.hpp"
#include "words.hpp"

namespace allot::config {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// A place in the text of all settings.
struct spot {
  std::size_t offset = 0;
  std::size_t line = 1;
  std::size_t column = 1;

  void go_to(std::string_view text, std::size_t target) {
    for (; offset < target; ++offset) {
      const char c = text[offset];
      if (c == '\n') {
        ++line;
        column = 1;
      } else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) {  // counts characters
        ++column;
      }
    }
  }

  /// From a place in a part that begins here to that in the whole text.
  void shift(std::size_t& its_line, std::size_t& its_column) const {
    if (its_line == 0) return;
    if (its_line == 1) its_column += column - 1;
    its_line += line - 1;
  }

  void shift(node& value) const {
    shift(value.at.line, value.at.column);
    for (node& item : value.items) shift(item);
    for (member& m : value.members) {
      shift(m.at.line, m.at.column);
      shift(m.value);
    }
  }
};

/// The key in the config that a setting's leads to.
std::string whole_key(const std::string& key) {
  const std::string first = key.substr(0, key.find('.'));
  const bool top = first == "default" || first == "resources" || first == "budgets";
  return top || key.empty() ? key : "resources." + key;
}

/// One assignment: the part of the text from `begin` to `end`, with the = at `equals`.
struct assignment {
  std::size_t begin;
  std::size_t equals;
  std::size_t end;
};

/// Splits at semicolons, but for those in strings and brackets.
std::vector<assignment> split(std::string_view text, const std::shared_ptr<const std::string>& source) {
  constexpr std::size_t none = std::string_view::npos;
  std::vector<assignment> found;
  assignment next{0, none, 0};
  char quote = 0;
  std::size_t depth = 0;
  const auto finish = [&](std::size_t end) {
    const std::string_view part = text.substr(next.begin, end - next.begin);
    if (!std::all_of(part.begin(), part.end(), is_blank)) {
      next.end = end;
      if (next.equals == none) {
        std::size_t start = next.begin;
        while (is_blank(text[start])) ++start;
        spot at;
        at.go_to(text, start);
        fail({source, at.line, at.column}, whole_key(key_from(text, start)),
             quoted(text.substr(start, end - start)) + " is no setting; write KEY=VALUE;...");
      }
      found.push_back(next);
    }
    next = {end + 1, none, 0};
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\' && quote == '"') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    } else if (c == '=' && next.equals == none) {
      next.equals = i;
    } else if (c == ';' && depth == 0) {
      finish(i);
    }
  }
  finish(text.size());
  return found;
}

/// Whether a value is a string that needs no quotes: what is neither number, date, truth value, string, list nor table.
bool is_word(std::string_view value) {
  if (value == "true" || value == "false" || value == "inf" || value == "nan") return false;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto plain = [&](char c) {
    return digit(c) || letter(c) || std::string_view("_- ./:+%").find(c) != std::string_view::npos;
  };
  if (!std::all_of(value.begin(), value.end(), plain)) return false;
  if (value.empty() || letter(value.front()) || value.front() == '/' || value.front() == '.') return true;
  if (!digit(value.front()) || (value.size() > 1 && value[0] == '0' && letter(value[1]))) return false;
  if (value.find_first_of("-:") != value.npos && value.find(' ') == value.npos) return false;  // a date, or 1e-5
  const std::size_t first = static_cast<std::size_t>(std::find_if(value.begin(), value.end(), letter) - value.begin());
  if (first == value.size()) return false;
  const bool exponent = (value[first] == 'e' || value[first] == 'E') && digit(value.back());
  return !exponent;
}

std::vector<std::string> keys_of(const node& table) {
  std::vector<std::string> keys;
  for (const member& m : table.members) keys.push_back(m.key);
  return keys;
}

/// Puts one assignment, read as a table with one key in it, into the table it is for.
void merge(node& into, member&& setting, const std::string& path, bool may_add) {
  const std::string key = joined(path, setting.key);
  member* const there = into.find(setting.key);
  const bool goes_on = setting.value.is == node::type::table && !setting.value.is_inline;
  if (there == nullptr) {
    // whoever is in a resource's table means an option of what stands there in place
    if (goes_on && path.find('.') != path.npos)
      fail(setting.at, key,
           "the config has no table there that a value could be set in; write " + as_key(setting.key) +
               " = { strategy = \"...\" } to put one there");
    if (goes_on || !may_add)
      fail(setting.at, key, "there is nothing of that name" + suggestion(setting.key, keys_of(into), "there are"));
    into.members.push_back(std::move(setting));
    return;
  }
  if (!goes_on) {
    *there = std::move(setting);
    return;
  }
  if (there->value.is != node::type::table)
    fail(setting.at, key, "is " + std::string(name_of(there->value.is)) + " in the file, and has no values in it");
  merge(there->value, std::move(setting.value.members.front()), key, true);
}

/// A setting leads to one value.
void expect_one(const node& table, const place& at, const std::string& path) {
  if (table.members.empty()) fail(at, path, "is no setting; write KEY=VALUE;...");
  if (table.members.size() > 1)
    fail(table.members[1].at, joined(path, table.members[1].key),
         "is a second setting; a semicolon stands between two");
  const node& value = table.members.front().value;
  if (value.is == node::type::table && !value.is_inline)
    expect_one(value, table.members.front().at, joined(path, table.members.front().key));
}

/// The keys on the way to the value.
std::string path_of(const member& setting) {
  const node& value = setting.value;
  const bool goes_on = value.is == node::type::table && !value.is_inline;
  return as_key(setting.key) + (goes_on ? "." + path_of(value.members.front()) : "");
}

member read(std::string_view text, const assignment& part, const spot& begin,
            const std::shared_ptr<const std::string>& source) {
  std::string_view value = text.substr(part.equals + 1, part.end - part.equals - 1);
  std::size_t blanks = 0;
  while (!value.empty() && is_blank(value.front())) value.remove_prefix(1), ++blanks;
  while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
  const bool word = is_word(value);
  std::string lone(text.substr(part.begin, part.equals + 1 - part.begin));
  lone += word ? as_text(value) : std::string(text.substr(part.equals + 1, part.end - part.equals - 1));
  try {
    node root = read_toml(lone, source);
    expect_one(root, {source, 1, 1}, "");
    if (word) {
      node* leaf = &root;
      while (leaf->is == node::type::table && !leaf->members.empty()) leaf = &leaf->members.front().value;
      leaf->at.column += blanks;
    }
    begin.shift(root);
    return std::move(root.members.front());
  } catch (const config_error& wrong) {
    std::size_t line = wrong.line();
    std::size_t column = wrong.column();
    begin.shift(line, column);
    fail({source, line, column}, whole_key(wrong.key()), wrong.problem());
  }
}

}  // namespace

void apply_settings(node& root, std::string_view text, const std::shared_ptr<const std::string>& source) {
  std::set<std::string> done;
  spot begin;
  for (const assignment& part : split(text, source)) {
    begin.go_to(text, part.begin);
    member setting = read(text, part, begin, source);
    const bool top = setting.key == "default" || setting.key == "resources" || setting.key == "budgets";
    const std::string path = (top ? "" : "resources.") + path_of(setting);
    if (!done.insert(path).second) fail(setting.at, path, "is set twice");
    if (top) {
      merge(root, std::move(setting), "", true);
      continue;
    }
    member resources;
    resources.key = "resources";
    resources.at = setting.at;
    resources.value.is = node::type::table;
    resources.value.at = setting.at;
    if (root.find("resources") == nullptr) root.members.push_back(resources);
    resources.value.members.push_back(std::move(setting));
    merge(root, std::move(resources), "", true);
  }
}

}  // namespace allot::config
