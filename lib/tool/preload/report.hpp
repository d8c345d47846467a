#pragma once

#include <string_view>

namespace allot::preload {

/// One line to standard error, named as ours. Needs no memory.
void report(std::string_view what) noexcept;

/// The same, and the program ends by abort(): what it did to its memory cannot be put right.
[[noreturn]] void report_invalid_pointer(const char* function, const void* p) noexcept;

}  // namespace allot::preload
