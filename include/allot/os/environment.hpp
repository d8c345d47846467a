#pragma once

#include <allot/core/compiler.hpp>

namespace allot::os {

/// What the environment says under this name; null where it says nothing. Null always in a program that runs with
/// rights its caller does not have (setuid and the like), because the caller wrote the environment: it must not choose
/// which files such a program opens. Thread-safe as std::getenv() is.
[[nodiscard]] ALLOT_EXPORT const char* environment_variable(const char* name) noexcept;

}  // namespace allot::os
