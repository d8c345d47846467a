#pragma once

#include <allot/core/compiler.hpp>
#include <allot/os/call_stack.hpp>
#include <cstddef>

namespace allot {

/// Where a block was allocated and, if it was, freed.
struct block_stacks {
  os::call_stack allocated;  ///< empty: not recorded
  os::call_stack freed;      ///< empty: not recorded, or not freed
};

/// Keeps stacks of blocks in pages of its own: nothing here uses the heap. A record that is given up serves the next
/// block; pages stay until clear(). Not thread-safe.
class ALLOT_EXPORT stack_book {
 public:
  stack_book() noexcept = default;
  stack_book(const stack_book&) = delete;
  stack_book& operator=(const stack_book&) = delete;
  ~stack_book() { clear(); }

  /// A record for a block that was just allocated there. Null when the system refuses pages; null is no record
  /// everywhere, so a block then simply has no stacks.
  block_stacks* add(const os::call_stack& allocated) noexcept;

  /// Gives up a record of add(); harmless for null.
  void remove(block_stacks* record) noexcept;

  /// Forgets all records and gives the pages back.
  void clear() noexcept;

  /// Bytes of pages held.
  std::size_t bytes() const noexcept;

 private:
  union cell;
  struct chunk;

  bool add_chunk() noexcept;

  chunk* chunks_ = nullptr;
  cell* free_ = nullptr;
};

}  // namespace allot
