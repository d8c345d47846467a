#pragma once

#include <allot/core/compiler.hpp>
#include <allot/secure/secure_base.hpp>
#include <cstddef>
#include <string_view>

namespace allot {

/// A secure_resource for several threads: one lock around every call.
///
/// Thread-safe, but for release() and destruction. A fork in one thread while another is in a call leaves the child a
/// resource it can use, within its fork policy.
class ALLOT_EXPORT synchronized_secure_resource final : public secure_base {
 public:
  /// Asks the system for nothing yet.
  /// @{
  synchronized_secure_resource() noexcept : synchronized_secure_resource(secure_options{}) {}
  explicit synchronized_secure_resource(const secure_options& options) noexcept : secure_base(options, true) {}
  explicit synchronized_secure_resource(secure_level level) noexcept
      : synchronized_secure_resource(options_at(level)) {}
  /// @}

  ~synchronized_secure_resource() override { secure_base::release(); }  // nothing may look at less than all of it

  /// @throws allocation_error; nothing has changed
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return secure_base::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    secure_base::do_deallocate(p, bytes, alignment);
  }

  std::string_view kind() const noexcept override { return "synchronized_secure_resource"; }
};

}  // namespace allot
