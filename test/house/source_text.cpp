#include "house/source_text.hpp"

#include <algorithm>
#include <cctype>

namespace allot::test::house {
namespace {

constexpr std::string_view blanks = " \t\r\n";

bool is_identifier_char(char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// Whether the quote at `at` separates digits, as in 1'000.
bool is_digit_separator(std::string_view text, std::size_t at) {
  std::size_t begin = at;
  while (begin > 0 && (is_identifier_char(text[begin - 1]) || text[begin - 1] == '\'')) --begin;
  return begin < at && is_digit(text[begin]);
}

/// The end of the comment or literal that starts at `at`, or `at` when none does.
std::size_t end_of_comment(std::string_view text, std::size_t at) {
  if (text.compare(at, 2, "//") == 0) {
    std::size_t end = text.find('\n', at);
    while (end != std::string_view::npos && text[end - 1] == '\\') end = text.find('\n', end + 1);
    return std::min(end, text.size());
  }
  if (text.compare(at, 2, "/*") == 0) {
    const std::size_t end = text.find("*/", at + 2);
    return end == std::string_view::npos ? text.size() : end + 2;
  }
  return at;
}

std::size_t end_of_literal(std::string_view text, std::size_t at) {
  const char quote = text[at];
  if (quote != '"' && (quote != '\'' || is_digit_separator(text, at))) return at;
  if (quote == '"' && at > 0 && text[at - 1] == 'R') {
    const std::size_t open = text.find('(', at);
    if (open == std::string_view::npos) return text.size();
    const std::string close = ")" + std::string(text.substr(at + 1, open - at - 1)) + "\"";
    const std::size_t end = text.find(close, open);
    return end == std::string_view::npos ? text.size() : end + close.size();
  }
  // A line's end ends it too: the apostrophe of an #error message has no partner.
  for (std::size_t i = at + 1; i < text.size() && text[i] != '\n'; ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == quote)
      return i + 1;
  }
  return at + 1;
}

/// What stands before `at`, without the blanks at its end.
std::string_view text_before(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  return before.substr(0, before.find_last_not_of(blanks) + 1);
}

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(blanks) - begin + 1));
}

}  // namespace

std::string blanked(std::string_view text, blank what) {
  std::string result(text);
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = end_of_comment(text, at);
    bool erase = end > at;
    if (!erase) {
      end = end_of_literal(text, at);
      erase = end > at && what == blank::comments_and_literals;
    }
    if (erase)
      std::replace_if(
          result.begin() + static_cast<std::ptrdiff_t>(at), result.begin() + static_cast<std::ptrdiff_t>(end),
          [](char c) { return c != '\n'; }, ' ');
    at = std::max(end, at + 1);
  }
  return result;
}

std::vector<directive> directives(std::string_view text) {
  const std::string code = blanked(text, blank::comments);
  std::vector<directive> found;
  std::size_t line = 1;
  for (std::size_t at = 0; at < code.size(); ++line) {
    const std::size_t first_line = line;
    std::string whole;
    for (bool goes_on = true; goes_on && at < code.size();) {
      const std::size_t end = std::min(code.find('\n', at), code.size());
      whole += code.substr(at, end - at);
      at = end + 1;
      goes_on = !whole.empty() && whole.back() == '\\';
      if (goes_on) {
        whole.back() = ' ';
        ++line;
      }
    }
    whole = trimmed(whole);
    if (whole.empty() || whole.front() != '#') continue;
    whole = trimmed(std::string_view(whole).substr(1));
    const auto name_end = std::find_if_not(whole.begin(), whole.end(), is_identifier_char);
    found.push_back({first_line, std::string(whole.begin(), name_end), trimmed(std::string(name_end, whole.end()))});
  }
  return found;
}

std::vector<word> words(std::string_view text) {
  const std::string code = blanked(text, blank::comments_and_literals);
  std::vector<word> found;
  std::size_t line = 1;
  for (std::size_t at = 0; at < code.size();) {
    if (code[at] == '\n') ++line;
    if (!is_identifier_char(code[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < code.size() && is_identifier_char(code[end])) ++end;
    const std::string_view before = text_before(code, at);
    const std::size_t after = code.find_first_not_of(blanks, end);
    if (!is_digit(code[at]))
      found.push_back({line, code.substr(at, end - at), after == std::string::npos ? '\0' : code[after],
                       ends_with(before, "::") && before.size() > 2 && is_identifier_char(before[before.size() - 3]),
                       ends_with(before, ".") || ends_with(before, "->")});
    at = end;
  }
  return found;
}

std::vector<std::string> identifiers(std::string_view text) {
  std::vector<std::string> found;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_identifier_char(text[end])) ++end;
    if (end > at && !is_digit(text[at])) found.emplace_back(text.substr(at, end - at));
    at = std::max(end, at + 1);
  }
  return found;
}

}  // namespace allot::test::house
