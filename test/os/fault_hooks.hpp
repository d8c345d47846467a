#pragma once

#include <allot/core/misuse.hpp>
#include <allot/os/virtual_memory.hpp>

#include "support/access.hpp"

// What tests of fault hooks have in common.

namespace allot::test {

// Volatile, because a handler reads them in the middle of other work.
inline const void* volatile expected_address = nullptr;
inline volatile int hook_calls = 0;

/// A hook whose context is its name.
inline void tell(void* context, const void* address) {
  hook_calls = hook_calls + 1;
  write_diagnostic(static_cast<const char*>(context));
  if (address == expected_address) write_diagnostic("at the address expected");
}

inline char* inaccessible_page() {
  auto* p = static_cast<char*>(os::reserve(system_page_size()).address);
  expected_address = p;
  return p;
}

inline void touch(char* p) { *static_cast<volatile char*>(p) = 1; }

inline char first_name[] = "the first hook";
inline char second_name[] = "the second hook";

}  // namespace allot::test
