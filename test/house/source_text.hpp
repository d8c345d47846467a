#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace allot::test::house {

/// What to blank besides comments. Offsets and lines stay as they were: what is blanked becomes spaces.
enum class blank { comments, comments_and_literals };
std::string blanked(std::string_view text, blank what);

/// `#include <x>` is {line, "include", "<x>"}. A directive that goes on in the next line is one; comments are gone.
struct directive {
  std::size_t line;
  std::string name;
  std::string rest;
};
std::vector<directive> directives(std::string_view text);

/// An identifier or keyword, outside comments and literals.
struct word {
  std::size_t line;
  std::string text;
  char after;      ///< the next character that is no blank; 0 when there is none
  bool qualified;  ///< `name::` stands before it
  bool member;     ///< `.` or `->` stands before it
};
std::vector<word> words(std::string_view text);

/// The identifiers in a piece of text as it stands.
std::vector<std::string> identifiers(std::string_view text);

}  // namespace allot::test::house
