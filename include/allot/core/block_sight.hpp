#pragma once

#include <allot/core/resource.hpp>
#include <array>
#include <cstddef>
#include <cstdint>

namespace allot {

/// Return addresses of the calls that led somewhere, innermost first.
struct block_trace {
  std::array<const void*, 16> frames{};  ///< the first `count` of them
  std::size_t count = 0;                 ///< 0: not recorded
};

/// What a resource knows of an address when it is looked at (resource::try_look_at()), as plain data.
struct block_sight {
  block_info block;                          ///< the one the address is in or, for guards and slack, beside
  block_state state = block_state::unknown;  ///< of the address itself
  bool all_in_use = false;                   ///< `block` is not one of many, but all that is in use together
  bool used_before = false;                  ///< free, but was in use since the resource had the memory
  block_trace allocated;                     ///< where the block was
  block_trace freed;                         ///< where it was freed
};

}  // namespace allot
