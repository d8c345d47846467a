#include "program_memory.hpp"

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <cerrno>
#include <cstring>

#include "bootstrap.hpp"
#include "page_care.hpp"
#include "report.hpp"
#include "start.hpp"
#include "thread_state.hpp"

namespace allot::preload {

ALLOT_INITIAL_EXEC thread_local thread_state this_thread;

namespace program_memory {
namespace {

/// A block that the program has, and where it is.
struct found_block {
  enum class place { bootstrap, stack, system } is;
  block_extent extent;
};

/// Those of the bootstrap were handed out before there was a recorder, or while it was at work.
bool is_recorded(const start::outcome& program, bool own, const found_block& block) noexcept {
  return program.record != nullptr && !own && block.is != found_block::place::bootstrap;
}

/// Blocks of a stack that gets its own memory by malloc() lie in the bootstrap's region, too.
/// What is freed inside of our own calls is no block of the program's, and the stack may be locked.
found_block find(const void* p, bool own, const char* function) noexcept {
  using place = found_block::place;
  const start::outcome& program = start::now();
  const bool boot = bootstrap::holds(p);
  if (program.is == start::state::on_stack && !(own && boot)) {
    const block_extent is = program.stack->extent(p);
    if (is.bytes != 0) return {place::stack, is};
  }
  if (boot) {
    const std::size_t bytes = bootstrap::size_of(p);
    if (bytes == 0 && !own) report_invalid_pointer(function, p);
    return {place::bootstrap, {bytes, alignof(std::max_align_t)}};
  }
  if (program.is != start::state::on_system) report_invalid_pointer(function, p);
  return {place::system, {program.system.usable_size(const_cast<void*>(p)), 0}};
}

void* from_system(const system_malloc& system, std::size_t bytes, std::size_t alignment) noexcept {
  if (alignment <= alignof(std::max_align_t)) return system.allocate(bytes);
  void* p = nullptr;
  return system.allocate_aligned(&p, alignment, bytes) == 0 ? p : nullptr;
}

ALLOT_NEVER_INLINE void* allocate_slowly(std::size_t bytes, std::size_t alignment) noexcept {
  const start::outcome& program = start::now();
  const bool own = this_thread.inside != 0;
  const inside_scope inside;
  void* p = nullptr;
  if (bytes > max_object_bytes) {
  } else if (own || program.is == start::state::starting) {
    p = bootstrap::allocate(bytes, alignment);
  } else if (program.is == start::state::on_stack) {
    p = program.stack->allocate(bytes, alignment);
  } else {
    p = from_system(program.system, bytes, alignment);
  }
  if (program.record != nullptr && !own)
    p != nullptr ? program.record->allocated(p, bytes, alignment) : program.record->refused(bytes, alignment);
  if (p == nullptr) errno = ENOMEM;
  return p;
}

ALLOT_NEVER_INLINE void deallocate_slowly(void* p, const char* function) noexcept {
  const start::outcome& program = start::now();
  const bool own = this_thread.inside != 0;
  const int error = errno;
  const inside_scope inside;
  const found_block block = find(p, own, function);
  if (is_recorded(program, own, block)) program.record->deallocated(p, block.extent.bytes);
  switch (block.is) {
    case found_block::place::bootstrap:
      bootstrap::deallocate(p);
      break;
    case found_block::place::stack:
      program.stack->deallocate(p, block.extent);
      break;
    case found_block::place::system:
      program.system.deallocate(p);
      break;
  }
  errno = error;
}

/// What shrinks a little keeps its block.
bool fits(std::size_t there, std::size_t bytes) noexcept {
  constexpr std::size_t little = 64;
  return bytes <= there && there - bytes <= std::max(little, there / 8);
}

bool resize_in_place(void* p, const found_block& block, std::size_t bytes) noexcept {
  if (fits(block.extent.bytes, bytes)) return true;
  if (block.is == found_block::place::stack && start::now().stack->resize(p, block.extent, bytes)) return true;
  return bytes <= block.extent.bytes && bytes >= block.extent.bytes / 2;
}

}  // namespace

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  bytes += bytes == 0 ? 1 : 0;
  if (concurrent_general_resource* const general = start::general();
      ALLOT_LIKELY(general != nullptr && this_thread.inside == 0))
    if (void* const p = general->allocate_at_hand(bytes, alignment); ALLOT_LIKELY(p != nullptr)) return p;
  return allocate_slowly(bytes, alignment);
}

void* allocate_zeroed(std::size_t count, std::size_t bytes) noexcept {
  const start::outcome& program = start::now();
  if (program.is == start::state::on_system && program.record == nullptr && this_thread.inside == 0)
    return program.system.allocate_zeroed(count, bytes);
  std::size_t all = 0;
  if (!checked_multiply(count, bytes, all)) {
    errno = ENOMEM;
    return nullptr;
  }
  void* const p = allocate(all, alignof(std::max_align_t));
  if (p != nullptr) make_zero(p, all);
  return p;
}

void deallocate(void* p, const char* function) noexcept {
  if (p == nullptr) return;
  if (concurrent_general_resource* const general = start::general();
      ALLOT_LIKELY(general != nullptr && this_thread.inside == 0))
    if (ALLOT_LIKELY(general->deallocate_at_hand(p))) return;
  deallocate_slowly(p, function);
}

void* resize(void* p, std::size_t bytes) noexcept {
  if (p == nullptr) return allocate(bytes, alignof(std::max_align_t));
  const start::outcome& program = start::now();
  const bool own = this_thread.inside != 0;
  found_block block{};
  {
    const inside_scope inside;
    block = find(p, own, "realloc");
    if (bytes <= max_object_bytes && resize_in_place(p, block, bytes)) {
      if (is_recorded(program, own, block)) program.record->resized(p, block.extent.bytes, bytes);
      return p;
    }
  }
  if (block.is == found_block::place::system && program.record == nullptr && !own)
    return program.system.resize(p, bytes);
  void* const moved = allocate(bytes, alignof(std::max_align_t));
  if (moved == nullptr) return nullptr;
  if (block.is == found_block::place::stack)
    move_bytes(moved, p, std::min(block.extent.bytes, bytes));
  else
    std::memcpy(moved, p, std::min(block.extent.bytes, bytes));
  deallocate(p, "realloc");
  return moved;
}

std::size_t usable_size(const void* p) noexcept {
  if (p == nullptr) return 0;
  const bool own = this_thread.inside != 0;
  const inside_scope inside;
  return find(p, own, "malloc_usable_size").extent.bytes;
}

}  // namespace program_memory
}  // namespace allot::preload
