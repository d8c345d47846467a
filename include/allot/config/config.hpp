#pragma once

#include <allot/config/config_error.hpp>
#include <allot/config/register_strategy.hpp>
#include <allot/config/resource_set.hpp>
#include <allot/core/compiler.hpp>
#include <string>
#include <string_view>
#include <vector>

// Stacks of resources from a TOML text, by name:
//
//     default = "general"
//
//     [resources.general]
//     strategy = "concurrent_general_resource"
//
//     [resources.entities]
//     strategy = "pool_resource"
//     first_chunk = "1MiB"
//     upstream = { strategy = "page_resource", huge_pages = true }
//
// docs/config.md says all of it, docs/config_reference.toml lists the strategies with their options.

namespace allot {

/// Single values that take the place of those in a config: `entities.limit=64MiB; default=general`. As
/// docs/config.md says of the environment variable.
struct config_settings {
  std::string_view text = {};            ///< of the settings; empty: none
  std::string_view source = "settings";  ///< what errors name
  /// Names of the resources to build, with what they stand on, and no others: for a program that takes its part of a
  /// larger config. A default resource that is not among them is not installed. Empty: all.
  std::vector<std::string> only = {};
  /// Otherwise `default` is only what resource_set::default_resource() gives.
  bool install_default = true;
};

/// Reads a config file and builds what it says. Where the environment variable ALLOT_CONFIG_FILE is set, and not empty,
/// the file it names is read instead; ALLOT_CONFIG_SET holds settings.
/// @throws config_error for anything that is wrong with the files or the variables, and for what cannot be built. What
///         was built by then is destroyed
[[nodiscard]] ALLOT_EXPORT resource_set load_config(const std::string& path);

/// The same from a text, without a look at the environment.
/// @param source_name  what errors name as the file
[[nodiscard]] ALLOT_EXPORT resource_set parse_config(std::string_view text, const std::string& source_name = "config",
                                                     const config_settings& settings = {});

/// The text of a file, for parse_config(): at most 4 MiB of a regular file. Of pipes and devices, which may have no
/// end, nothing is read. Has no look at the environment.
/// @throws config_error when it cannot be read
[[nodiscard]] ALLOT_EXPORT std::string read_config_file(const std::string& path);

/// Finds out what is wrong with a text, and builds nothing. What only a user's own strategy knows is not looked at.
/// @throws config_error
ALLOT_EXPORT void check_config(std::string_view text, const std::string& source_name = "config",
                               const config_settings& settings = {});

/// Everything a config can say, as an annotated config: every strategy with all its options, what they take, what they
/// mean, and their defaults.
ALLOT_EXPORT std::string config_reference();

}  // namespace allot
