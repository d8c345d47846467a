#include "support/machine.hpp"

#include <string_view>

namespace allot::test {

bool under_emulator() { return !std::string_view{ALLOT_TEST_EMULATOR}.empty(); }

bool frees_thread_variables_early() {
#if defined(__MINGW32__) && !defined(__clang__)
  return true;
#else
  return false;
#endif
}

bool faults_tell_pages_only() {
#if defined(__s390x__)
  return true;
#else
  return false;
#endif
}

}  // namespace allot::test
