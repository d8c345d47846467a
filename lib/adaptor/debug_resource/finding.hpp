#pragma once

#include <allot/adaptor/debug_resource.hpp>
#include <allot/block/block_details.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/core/misuse.hpp>
#include <cstddef>
#include <string_view>

#include "fences.hpp"

namespace allot {

/// What is wrong, and what is known of the block it is about: copies, so that it can be told when nothing is locked. It
/// says:
///
///     (what kind of misuse, of which resource, at which address)
///       byte 8 of block no. 3: 24 bytes at 0x..., aligned to 8, freed
///       changed: 2 bytes, the first 1 byte past the end: 41 42
///       now at:
///         #0 ...
///       allocated at:
///         #0 ...
///       freed at:
///         #0 ...
class debug_resource::finding {
 public:
  explicit finding(const misuse_report& report) noexcept : report_(report) {}

  /// About a block; `at` is what the report is about, in it or beside it.
  finding& of(const entry& block, const void* at) noexcept;
  finding& of(const entry& block) noexcept { return of(block, block.address); }
  /// The memory is another resource's.
  finding& owned_by(std::string_view owner) noexcept;

  /// Damage to a block.
  static finding damaged(std::string_view resource, const entry& block, const debug_fences::damage& found) noexcept;

  /// `caller` may be empty.
  void tell(const os::call_stack& caller = {}) const;

 private:
  misuse_report report_;
  fixed_text<31> owner_;
  fixed_text<255> lines_;
  block_stacks block_stacks_;
};

}  // namespace allot
