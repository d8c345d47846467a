#include <algorithm>
#include <allot/config/config.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "errors.hpp"
#include "output.hpp"
#include "subcommands.hpp"
#include "words.hpp"

namespace allot::tool {
namespace {

/// Nothing where it is good.
json error_of(const std::string& file, command_context& context) {
  try {
    check_config(read_config_file(file), file);
    return nullptr;
  } catch (const config_error& error) {
    std::error_code ignored;
    context.code = std::max(context.code, std::filesystem::exists(file, ignored) ? +found_wanting : +no_input);
    return to_json(error);
  }
}

}  // namespace

void check_configs(const std::vector<std::string>& files, command_context& context) {
  json all = json::array();
  for (const std::string& file : files) {
    json error = error_of(file, context);
    if (!error.is_null())
      note(context, error["message"].get_ref<const std::string&>());
    else if (!context.json)
      context.out << printable(file) << ": " << painted(context, colour::good, "good") << '\n';
    json row = {{"file", file}, {"good", error.is_null()}};
    if (!error.is_null()) row["error"] = std::move(error);
    all.push_back(std::move(row));
  }
  if (context.json) write_json(context, {{"files", std::move(all)}});
}

}  // namespace allot::tool
