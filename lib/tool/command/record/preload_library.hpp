#pragma once

#include <string>

namespace allot::tool {

/// The preload library's path: `wanted` where it is not empty; otherwise what ALLOT_PRELOAD says; otherwise where it
/// lies beside this program, installed or in its build tree. Empty where there is none.
std::string find_preload_library(const std::string& wanted);

}  // namespace allot::tool
