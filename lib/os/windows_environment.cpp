#include <allot/os/environment.hpp>
#include <cstdlib>

namespace allot::os {

/// Nobody starts a program here with more rights than his own without the system asking.
const char* environment_variable(const char* name) noexcept { return std::getenv(name); }

}  // namespace allot::os
