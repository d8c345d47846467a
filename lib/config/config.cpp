#include <allot/config/config.hpp>
#include <allot/os/environment.hpp>
#include <memory>
#include <utility>

#include "config/build.hpp"
#include "config/plan.hpp"
#include "config/reader.hpp"
#include "config/settings.hpp"

namespace allot {
namespace {

config::plan read(std::string_view text, const std::string& source_name, const config_settings& settings) {
  const auto source = std::make_shared<const std::string>(source_name);
  config::node root = config::read_toml(text, source);
  config::apply_settings(root, settings.text, std::make_shared<const std::string>(settings.source));
  config::plan whole = config::make_plan(root, source);
  if (!settings.only.empty()) config::keep_only(whole, settings.only);
  whole.install_default = settings.install_default;
  return whole;
}

std::string_view variable(const char* name) {
  const char* const value = os::environment_variable(name);
  return value != nullptr ? value : std::string_view();
}

}  // namespace

resource_set load_config(const std::string& path) {
  const std::string other(variable("ALLOT_CONFIG_FILE"));
  const std::string& file = other.empty() ? path : other;
  const std::string text =
      config::read_file(file, other.empty() ? std::string_view() : "environment variable ALLOT_CONFIG_FILE");
  return parse_config(text, file, {variable("ALLOT_CONFIG_SET"), "environment variable ALLOT_CONFIG_SET", {}, true});
}

resource_set parse_config(std::string_view text, const std::string& source_name, const config_settings& settings) {
  return resource_set(config::build(read(text, source_name, settings)));
}

std::string read_config_file(const std::string& path) { return config::read_file(path, {}); }

void check_config(std::string_view text, const std::string& source_name, const config_settings& settings) {
  (void)read(text, source_name, settings);
}

}  // namespace allot
