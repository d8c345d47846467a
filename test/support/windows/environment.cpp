#include "support/environment.hpp"

#include <stdlib.h>
#include <windows.h>

#include <string>

namespace allot::test {

// Once for the C runtime, once for the system: neither looks at the other's later.
void set_variable(const char* name, const char* value) {
  ::SetEnvironmentVariableA(name, value);
  ::_putenv((std::string(name) + "=" + (value != nullptr ? value : "")).c_str());
}

}  // namespace allot::test
