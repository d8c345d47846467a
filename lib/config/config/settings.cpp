#include "settings.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "reader.hpp"
#include "words.hpp"

namespace allot::config {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

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
        fail({source, 1, start + 1}, "",
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

/// Whether a value is a string that needs no quotes: a word, a size such as 64KiB, but no number, no true and no false.
bool is_word(std::string_view value) {
  if (value.empty() || value == "true" || value == "false") return false;
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == ' ';
  };
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (!std::all_of(value.begin(), value.end(), plain)) return false;
  if (letter(value.front())) return value != "inf" && value != "nan";
  // a size: digits, and then a unit
  const std::size_t digits = value.find_first_not_of("0123456789");
  if (digits == 0 || digits == value.npos) return false;
  const std::size_t unit = value.find_first_not_of(' ', digits);
  return unit != value.npos && std::all_of(value.begin() + static_cast<std::ptrdiff_t>(unit), value.end(), letter) &&
         (value.back() == 'B' || value.back() == 'b');
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
void expect_one(const node& table, const place& at) {
  if (table.members.empty()) fail(at, "", "is no setting; write KEY=VALUE;...");
  if (table.members.size() > 1) fail(table.members[1].at, "", "is a second setting; a semicolon stands between two");
  const node& value = table.members.front().value;
  if (value.is == node::type::table && !value.is_inline) expect_one(value, table.members.front().at);
}

/// The keys on the way to the value.
std::string path_of(const member& setting) {
  const node& value = setting.value;
  const bool goes_on = value.is == node::type::table && !value.is_inline;
  return as_key(setting.key) + (goes_on ? "." + path_of(value.members.front()) : "");
}

member read(std::string_view text, const assignment& part, const std::shared_ptr<const std::string>& source) {
  std::string_view value = text.substr(part.equals + 1, part.end - part.equals - 1);
  std::size_t start = part.equals + 1;
  while (!value.empty() && is_blank(value.front())) value.remove_prefix(1), ++start;
  while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
  // Blanks for all before, so that places are those in the whole text.
  std::string lone(text.substr(0, part.begin));
  std::replace_if(
      lone.begin(), lone.end(), [](char c) { return c != '\n'; }, ' ');
  const bool word = is_word(value);
  lone += text.substr(part.begin, part.equals + 1 - part.begin);
  lone += word ? as_text(value) : std::string(text.substr(part.equals + 1, part.end - part.equals - 1));
  node root = read_toml(lone, source);
  expect_one(root, {source, 1, part.begin + 1});
  if (word) {
    node* leaf = &root;
    while (leaf->is == node::type::table && !leaf->members.empty()) leaf = &leaf->members.front().value;
    leaf->at.column += start - part.equals - 1;
  }
  return std::move(root.members.front());
}

}  // namespace

void apply_settings(node& root, std::string_view text, const std::shared_ptr<const std::string>& source) {
  std::set<std::string> done;
  for (const assignment& part : split(text, source)) {
    member setting = read(text, part, source);
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
