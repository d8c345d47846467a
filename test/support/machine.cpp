#include "support/machine.hpp"

#include <string_view>

#include "support/access.hpp"

namespace allot::test {

bool under_emulator() { return !std::string_view{ALLOT_TEST_EMULATOR}.empty(); }

#if defined(_WIN32)
bool addresses_run_out() { return sizeof(void*) < 8; }
bool reservations_take_memory() { return under_emulator(); }
bool mappings_are_slow() { return false; }
bool starts_its_kind() { return true; }
#else
bool addresses_run_out() { return few_addresses(); }
bool reservations_take_memory() { return false; }
bool starts_its_kind() { return !under_emulator(); }
bool mappings_are_slow() { return under_emulator() && !emulates_large_pages(); }
#endif

bool emulates_large_pages() { return under_emulator() && system_page_size() > 4096; }

bool threads_can_fork() { return !under_emulator(); }

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
