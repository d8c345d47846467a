#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text_input.hpp"
#include "words.hpp"

namespace main_job {

enum class token_kind : std::uint32_t { blank, word, number, punctuation, line_end, other };

/// A piece of text and where it begins: the file's place in the list from 0; line and column (in bytes) from 1.
struct token {
  token_kind kind;
  std::uint32_t file;
  std::size_t line;
  std::size_t column;
  std::size_t length;  ///< in bytes

  friend bool operator==(const token& a, const token& b) noexcept {
    return a.kind == b.kind && a.file == b.file && a.line == b.line && a.column == b.column && a.length == b.length;
  }
};

/// What a token that begins with this is. A byte that is no text is `other`, so any file will do, binary ones too.
constexpr token_kind kind_of(char c) noexcept {
  if (is_letter(c)) return token_kind::word;
  if (c >= '0' && c <= '9') return token_kind::number;
  if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') return token_kind::blank;
  if (c == '\n') return token_kind::line_end;
  return c > ' ' && c <= '~' ? token_kind::punctuation : token_kind::other;
}

/// Calls visit(token) for each token from front to back. Words, numbers and others are as long as can be, punctuation
/// and line ends one byte each; blanks part tokens and are none.
template <class Visit>
void for_each_token(std::string_view text, std::uint32_t file, Visit visit) {
  std::size_t line = 1;
  std::size_t line_begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at++;
    const token_kind kind = kind_of(text[begin]);
    if (kind == token_kind::blank) continue;
    if (kind != token_kind::punctuation && kind != token_kind::line_end) {
      while (at < text.size() && kind_of(text[at]) == kind) ++at;
    }
    visit(token{kind, file, line, begin - line_begin + 1, at - begin});
    if (kind == token_kind::line_end) {
      ++line;
      line_begin = at;
    }
  }
}

/// Appends all tokens of the files, one by one: nobody knows how many there will be.
template <class Tokens>
void push_tokens(Tokens& tokens, const std::vector<text_file>& files) {
  for (std::size_t file = 0; file < files.size(); ++file) {
    for_each_token(files[file].text, static_cast<std::uint32_t>(file),
                   [&](const token& each) { tokens.push_back(each); });
  }
}

/// A number over all tokens in their order: equal for equal ones. A few instructions each, so that the walk is not all
/// there is to measure.
template <class Tokens>
std::uint64_t token_digest(const Tokens& tokens) noexcept {
  std::uint64_t value = tokens.size();
  for (const token& each : tokens) {
    // Odd factors: a change of any one number changes the sum.
    const std::uint64_t sum =
        static_cast<std::uint64_t>(each.kind) * 0x9e3779b97f4a7c15U + each.file * std::uint64_t{0xc2b2ae3d27d4eb4fU} +
        each.line * std::uint64_t{0x165667b19e3779f9U} + each.column * std::uint64_t{0x27d4eb2f165667c5U} +
        each.length * std::uint64_t{0x85ebca77c2b2ae63U};
    value = (value ^ sum) * 1099511628211U;  // as in FNV-1a
  }
  return value;
}

std::string description(const token& described);

/// Compares all tokens with what they should be; the first difference found, in words, or nothing.
template <class Tokens>
std::optional<std::string> token_difference(const std::vector<token>& reference, const Tokens& tokens) {
  std::size_t at = 0;
  for (const token& each : tokens) {
    if (at == reference.size()) return "a token too many, " + description(each);
    if (!(each == reference[at])) return description(each) + " is where " + description(reference[at]) + " should be";
    ++at;
  }
  if (at != reference.size()) return description(reference[at]) + " and all behind it are missing";
  return std::nullopt;
}

}  // namespace main_job
