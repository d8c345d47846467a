#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace allot::config {

/// Looks over a text before it is parsed, for what the parser should not be given: nesting (brackets, braces, dotted
/// keys) that would exhaust its stack, and headers that it takes to be better than they are.
/// @throws config_error where more than 32 levels lie in each other, for control characters, and for headers that do
///         not begin with a key
void check_nesting(std::string_view text, const std::shared_ptr<const std::string>& source);

}  // namespace allot::config
