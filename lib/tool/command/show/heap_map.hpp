#pragma once

#include <allot/inspect/heap_map.hpp>
#include <command/moment.hpp>
#include <string>

namespace allot::tool {

/// What lives at a moment, as a map.
heap_map map_of(const heap_at& at, const std::string& name);

}  // namespace allot::tool
