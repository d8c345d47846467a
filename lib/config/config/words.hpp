#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace allot::config {

/// The text in quotes, for a message: one line, control characters as escapes, cut off when long.
std::string quoted(std::string_view text);

/// Whether the character may be in a key without quotes.
bool is_bare(char c);

/// Whether there are characters that no name has.
bool has_control(std::string_view text);

/// The key as it is written in TOML: bare where it can be, otherwise in quotes.
std::string as_key(std::string_view key);

/// The text as a TOML string.
std::string as_text(std::string_view text);

/// `path.key`, or the key alone where the path is empty; made fit for a message.
std::string joined(const std::string& path, std::string_view key);

/// The name most like the text, by its edit distance; empty when none is like it.
std::string_view nearest(std::string_view text, const std::vector<std::string>& names);

/// "; did you mean "X"?" where there is a nearest name, and "; LABEL: A, B, C" with all of them where there are any.
std::string suggestion(std::string_view text, const std::vector<std::string>& names, std::string_view label);

}  // namespace allot::config
