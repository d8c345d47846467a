#pragma once

#include <allot/adaptor/debug_resource.hpp>
#include <allot/adaptor/leak_list.hpp>
#include <allot/core/compiler.hpp>
#include <cstdint>

namespace allot {

/// A moment in the life of a debug_resource, to ask later what was allocated since and is live still. Takes no memory
/// and next to no time, however many blocks there are. The resource must outlive it.
///
/// Thread-safe.
class leak_snapshot {
 public:
  /// Of now.
  explicit leak_snapshot(const debug_resource& memory) noexcept : memory_(&memory), newest_(memory.newest()) {}

  const debug_resource& memory() const noexcept { return *memory_; }  ///< whose moment it is
  std::uint64_t newest() const noexcept { return newest_; }           ///< number of the block allocated last

 private:
  const debug_resource* memory_;
  std::uint64_t newest_;
};

/// The blocks that were allocated between two snapshots of one resource, in any thread, and are live now. Right after
/// the second was taken these are the blocks that lived then and did not at the first; later they get fewer, as blocks
/// that only lived a little longer are freed. A block that only grew in place meanwhile is not among them.
/// @throws std::invalid_argument for snapshots of two resources, or in the wrong order
ALLOT_EXPORT leak_list diff(const leak_snapshot& before, const leak_snapshot& after);

/// The blocks that were allocated since and are live now.
inline leak_list leaks_since(const leak_snapshot& before) noexcept {
  return leak_list(before.memory(), before.newest());
}

/// For tests: what is allocated while it lives must be freed by its end. Otherwise that is misuse (leak), with the
/// groups in the details, which the default handler prints before it aborts.
///
/// Blocks that other threads allocate meanwhile count, too. Not thread-safe.
class ALLOT_EXPORT no_leak_scope {
 public:
  /// @param memory  must outlive the scope
  explicit no_leak_scope(const debug_resource& memory) noexcept : begin_(memory) {}
  /// As end(), unless that or dismiss() was called. A handler that throws terminates the program.
  ~no_leak_scope();
  no_leak_scope(const no_leak_scope&) = delete;
  no_leak_scope& operator=(const no_leak_scope&) = delete;

  /// Reports now what the destructor would, and nothing any more. What the handler throws passes through.
  void end();
  /// Nothing is reported.
  void dismiss() noexcept { ended_ = true; }

  /// What would be reported now.
  leak_list leaks() const noexcept { return leaks_since(begin_); }

 private:
  leak_snapshot begin_;
  bool ended_ = false;
};

}  // namespace allot
