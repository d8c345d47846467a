#pragma once

#include <allot/core/compiler.hpp>
#include <allot/secure/secure_base.hpp>
#include <cstddef>
#include <string_view>

namespace allot {

/// Serves blocks of any size from memory that catches corruption and contains it: for keys, for input from strangers,
/// and for programs that must stop rather than go on with damaged memory.
///
/// What is remembered of blocks lies apart from them, between guards, and every deallocate is checked against it:
/// pointer, size, alignment and owner, exactly and at once. Blocks of one size share a region of address space at a
/// random place, cut into slabs:
///
///     | guard | slab | slab | ... | guard | slab | ...     not yet used (inaccessible) |
///     slab:  | block slack canary | block slack canary | ... | canary |
///
/// Where in its slab a block lies is random; behind it, to the end of its place, stands a secret pattern that is looked
/// at when the block or the one behind it is freed. Freed blocks are overwritten with zero, wait in a quarantine, and
/// must still be zero when they are used again. Large blocks have mappings of their own between guards of random size.
/// Which of this is done, and how much of it, is secure_options' to say; docs/security.md holds it against what
/// attackers do. These are obstacles and not a proof: with enough of a program's own mistakes any memory can be read
/// and written.
///
/// Random numbers come from ChaCha8, seeded by the system (see chacha_random).
///
/// For one thread at a time; synchronized_secure_resource is for more. Constructing one asks the system for nothing.
class ALLOT_EXPORT secure_resource final : public secure_base {
 public:
  /// Asks the system for nothing yet.
  /// @{
  secure_resource() noexcept : secure_resource(secure_options{}) {}
  explicit secure_resource(const secure_options& options) noexcept : secure_base(options, false) {}
  explicit secure_resource(secure_level level) noexcept : secure_resource(options_at(level)) {}
  /// @}

  /// @throws allocation_error; nothing has changed
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return secure_base::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    secure_base::do_deallocate(p, bytes, alignment);
  }

  std::string_view kind() const noexcept override { return "secure_resource"; }
};

}  // namespace allot
