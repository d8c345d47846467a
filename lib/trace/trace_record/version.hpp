#pragma once

#include <cstdint>

namespace allot::trace_file {

/// Readers refuse any other. What stands in a start block behind what a reader knows is left alone.
constexpr std::uint64_t format_version = 1;

}  // namespace allot::trace_file
