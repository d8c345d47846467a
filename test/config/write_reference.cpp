// Prints docs/config_reference.toml.

#include <allot/config/config.hpp>
#include <iostream>

int main() {
  std::cout << allot::config_reference();
  return std::cout.good() ? 0 : 1;
}
