#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace allot::config {

/// Looks over a text before it is parsed: what is nested too deep (brackets, braces, dotted keys) would exhaust the
/// stack of whoever parses it, or takes it down again.
/// @throws config_error where more than 32 levels lie in each other
void check_nesting(std::string_view text, const std::shared_ptr<const std::string>& source);

}  // namespace allot::config
