#include "support/environment.hpp"

#include <cstdlib>

namespace allot::test {

void set_variable(const char* name, const char* value) {
  if (value != nullptr) {
    ::setenv(name, value, 1);
  } else {
    ::unsetenv(name);
  }
}

}  // namespace allot::test
