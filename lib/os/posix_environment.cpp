// The contract of environment.hpp for systems of the POSIX family.

#include <allot/os/environment.hpp>
#include <cstdlib>

#include "posix_extras.hpp"

namespace allot::os {

const char* environment_variable(const char* name) noexcept {
  return extras::has_lent_rights() ? nullptr : std::getenv(name);
}

}  // namespace allot::os
