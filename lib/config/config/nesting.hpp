#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace allot::config {

/// How deep brackets, braces and dots may lie in each other.
inline constexpr std::size_t deepest_nesting = 32;

/// Looks over a text before it is parsed, for what the parser should not be given: nesting (brackets, braces, dotted
/// keys) that would exhaust its stack, and headers that it takes to be better than they are.
/// @throws config_error where more than 32 levels lie in each other, for control characters, and for headers that do
///         not begin with a key
void check_nesting(std::string_view text, const std::shared_ptr<const std::string>& source);

/// What a line of a text that check_nesting() let pass is about, as far as can be told without parsing it.
struct statement {
  std::string key = {};       ///< with its table's; a table's alone where the line is a header
  std::string strategy = {};  ///< that the table has named so far
};
statement statement_at(std::string_view text, std::size_t line);

/// A dotted key from that place on, as messages have it; empty where none begins there.
std::string key_from(std::string_view text, std::size_t at);

}  // namespace allot::config
