#pragma once

#include <memory_resource>

namespace allot::testing {

/// While it lives, another resource is the default one of std::pmr; then the one before is again.
///
/// The default resource belongs to the whole process: guards of several threads must not overlap.
class default_resource_guard {
 public:
  /// `instead` must outlive this object.
  explicit default_resource_guard(std::pmr::memory_resource& instead) noexcept
      : before_(std::pmr::set_default_resource(&instead)) {}
  ~default_resource_guard() { std::pmr::set_default_resource(before_); }
  default_resource_guard(const default_resource_guard&) = delete;
  default_resource_guard& operator=(const default_resource_guard&) = delete;

 private:
  std::pmr::memory_resource* before_;
};

}  // namespace allot::testing
