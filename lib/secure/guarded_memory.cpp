#include <allot/core/misuse.hpp>
#include <allot/core/resource.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/os/secure_memory.hpp>
#include <allot/secure/guarded_memory.hpp>
#include <cstring>
#include <optional>
#include <string_view>

namespace allot {
namespace {

/// Whether `bytes` bytes at p stay inside the block p points into, if a resource of ours has one there; else that is
/// reported.
bool has_room(const void* p, std::size_t bytes) {
  const os::address_registry::found_range holder = os::address_registry::find_bounded(p);
  if (holder.owner == nullptr && holder.begin == nullptr) return true;
  misuse_report found{misuse_kind::past_block, holder.name, p, bytes, 0};
  if (holder.owner != nullptr) {
    const block_info block = holder.owner->find_block(p);
    if (block.state == block_state::used)
      found.actual = block.bytes - static_cast<std::size_t>(static_cast<const std::byte*>(p) -
                                                            static_cast<const std::byte*>(block.begin));
  }
  if (bytes <= found.actual) return true;
  report_misuse(found);
  return false;
}

}  // namespace

void guarded_copy(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0 || !has_room(to, bytes) || !has_room(from, bytes)) return;
  std::memcpy(to, from, bytes);
}

void guarded_move(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0 || !has_room(to, bytes) || !has_room(from, bytes)) return;
  std::memmove(to, from, bytes);
}

void guarded_fill(void* p, unsigned char value, std::size_t bytes) {
  if (bytes == 0 || !has_room(p, bytes)) return;
  std::memset(p, value, bytes);
}

void secure_fill(void* p, unsigned char value, std::size_t bytes) noexcept { os::secure_fill(p, value, bytes); }

void wipe_and_deallocate(std::pmr::memory_resource& memory, void* p, std::size_t bytes, std::size_t alignment) {
  if (p == nullptr) return;
  os::secure_zero(p, bytes);
  memory.deallocate(p, bytes, alignment);
}

}  // namespace allot
