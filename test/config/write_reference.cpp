// Prints docs/config_reference.toml; with the argument "page", docs/config_strategies.md.

#include <allot/config/config.hpp>
#include <iostream>
#include <string_view>

#include "reference_page.hpp"

int main(int count, char** arguments) {
  const bool page = count > 1 && std::string_view(arguments[1]) == "page";
  std::cout << (page ? allot::test::reference_page() : allot::config_reference());
  return std::cout.good() ? 0 : 1;
}
