#pragma once

#include <allot/core/resource.hpp>
#include <cstddef>
#include <memory_resource>

namespace allot {

/// What an adaptor stands on: any memory_resource, and whether it is one of ours. Made from a reference to either;
/// where the type says that the resource is ours no RTTI is needed to find out.
///
/// Refers to the resource and owns nothing.
class upstream_ref {
 public:
  /// Implicit, so that adaptors take a resource as it is.
  /// @{
  upstream_ref(std::pmr::memory_resource& any) noexcept : any_(&any), ours_(as_resource(&any)) {}
  upstream_ref(resource& ours) noexcept : any_(&ours), ours_(&ours) {}
  /// @}

  std::pmr::memory_resource& any() const noexcept { return *any_; }  ///< the resource, whoever made it
  resource* ours() const noexcept { return ours_; }                  ///< null: a foreign one
  /// As resource::root(); a foreign resource is its own.
  const std::pmr::memory_resource* root() const noexcept { return ours_ != nullptr ? ours_->root() : any_; }

  /// As resource::can_release(); a foreign resource keeps its blocks.
  bool can_release() const noexcept { return ours_ != nullptr && ours_->can_release(); }

  /// As resource::try_allocate(); what a foreign resource throws is caught.
  [[nodiscard]] ALLOT_EXPORT void* try_allocate(std::size_t bytes, std::size_t alignment) const noexcept;

 private:
  std::pmr::memory_resource* any_;
  resource* ours_;
};

}  // namespace allot
