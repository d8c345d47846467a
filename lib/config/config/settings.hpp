#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "node.hpp"

namespace allot::config {

/// Changes single values of a config, as a text such as `entities.limit=64MiB; default="scene"` says. Values are TOML;
/// what is a plain word or size needs no quotes. Keys begin at the resources, at `budgets.`, or are `default`.
/// @throws config_error: the text cannot be read, or names an entry that is not there
void apply_settings(node& root, std::string_view text, const std::shared_ptr<const std::string>& source);

}  // namespace allot::config
