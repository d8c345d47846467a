#pragma once

#include <allot/adaptor/metered_resource.hpp>
#include <allot/core/compiler.hpp>
#include <atomic>
#include <cstddef>
#include <string_view>

namespace allot {

class limiting_resource;

/// Bytes taken from a limiting_resource in advance, and a resource that serves requests from them: what is built on it
/// meets the limit before the first step or not at all. (The upstream may still refuse.)
///
/// A block counts with the bytes asked for, and comes from where the limiting_resource's own blocks come from. It may
/// outlive the reservation, and may be freed through either: through the reservation its bytes are reserved again,
/// through the limiting_resource they are free for all.
///
/// Thread-safe if the upstream is, but for destruction.
class ALLOT_EXPORT limit_reservation final : public metered_resource<limit_reservation> {
 public:
  /// @param limited  must outlive this object
  /// @throws as limiting_resource::reserve()
  limit_reservation(limiting_resource& limited, std::size_t bytes);
  ~limit_reservation() override;

  /// @throws allocation_error (memory_errc::limit_reached) when less is left; what the upstream throws otherwise.
  ///         Either way nothing is taken
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return metered_resource::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    metered_resource::do_deallocate(p, bytes, alignment);
  }

  std::size_t left() const noexcept { return left_.load(std::memory_order_relaxed); }  ///< bytes not in blocks

  std::string_view kind() const noexcept override { return "limit_reservation"; }
  std::size_t available() const noexcept override;  ///< the upstream's, within what is left
  void release() noexcept override {}               ///< nothing: its blocks are among those of the limiting_resource
  bool can_release() const noexcept override { return false; }

 private:
  friend class metered_resource<limit_reservation>;

  bool take(std::size_t bytes) noexcept;
  void give_back(std::size_t bytes) noexcept;
  [[noreturn]] void refuse(std::size_t bytes, std::size_t alignment) const;

  limiting_resource& limited_;
  std::atomic<std::size_t> left_{0};
};

}  // namespace allot
