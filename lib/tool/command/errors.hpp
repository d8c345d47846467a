#pragma once

#include <allot/config/config_error.hpp>

#include "command.hpp"
#include "output.hpp"

namespace allot::tool {

/// Says what the exception in flight says, on the errors and with --json on the output. Returns the exit code.
int tell_error(command_context& context) noexcept;

/// The parts of such an error, as in {"error": ...}.
json to_json(const config_error& error);

}  // namespace allot::tool
