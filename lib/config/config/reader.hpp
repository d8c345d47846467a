#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "node.hpp"

namespace allot::config {

/// The longest text that is read, in bytes. Whoever has a longer one has taken the wrong file.
inline constexpr std::size_t longest_text = std::size_t{4} << 20;

/// Reads TOML.
/// @throws config_error for what is none, for what is nested more than 32 deep, and for what is longer than
///         longest_text
node read_toml(std::string_view text, const std::shared_ptr<const std::string>& source);

/// The whole file. @throws config_error when it cannot be read
std::string read_file(const std::string& path, std::string_view named_by);

}  // namespace allot::config
