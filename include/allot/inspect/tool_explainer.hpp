#pragma once

#include <allot/core/compiler.hpp>

namespace allot {

/// While it lives, a report of AddressSanitizer is followed by what explain() tells of the address: reports about
/// memory of resources carry no stacks of their own, and no names. Does nothing in a program that is not sanitized.
///
/// One at a time. It replaces a callback the program has set with __asan_set_error_report_callback().
class ALLOT_EXPORT tool_explainer {
 public:
  tool_explainer() noexcept;
  ~tool_explainer();
  tool_explainer(const tool_explainer&) = delete;
  tool_explainer& operator=(const tool_explainer&) = delete;
};

}  // namespace allot
