#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace allot::tool {

struct option_entry {
  std::string name;
  std::string summary;
  std::string takes;
  std::string value;  ///< its default, or for what is required an example; empty where there is neither
};

/// A table of config_reference(): a strategy, or a budget.
struct strategy_entry {
  std::string name;
  std::string summary;
  std::string text;  ///< all of it, as it stands there
  std::vector<option_entry> options;
};

/// Takes the reference apart.
std::vector<strategy_entry> entries_of(std::string_view reference);

}  // namespace allot::tool
