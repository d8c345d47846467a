#include "heap_map.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace allot::tool {

heap_map map_of(const heap_at& at, const std::string& name) {
  constexpr std::uint64_t last_address = std::numeric_limits<std::uintptr_t>::max();
  std::vector<block_info> blocks;
  blocks.reserve(at.live.blocks());
  at.live.for_each([&](const live_block& block) {
    if (block.address > last_address) return;  // of a program with longer addresses than this one
    const auto bytes = static_cast<std::size_t>(std::min(block.bytes, last_address - block.address));
    blocks.push_back(
        {reinterpret_cast<const void*>(static_cast<std::uintptr_t>(block.address)), bytes, true, block_state::used});
  });
  return heap_map_of(name, blocks);
}

}  // namespace allot::tool
