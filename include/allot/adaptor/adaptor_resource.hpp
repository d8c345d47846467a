#pragma once

#include <allot/adaptor/upstream_ref.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <cstddef>
#include <memory_resource>
#include <string_view>

namespace allot {

/// The common base of adaptors with one upstream: passes the whole vocabulary through, so that an adaptor overrides
/// only what it changes. Over a foreign upstream, which has no vocabulary, the answers are resource's defaults.
///
/// An adaptor adds no byte to a block, but for the fences of debug_resource: requests reach the upstream with the size
/// and alignment they came with, and pmr states both again when a block is freed.
class ALLOT_EXPORT adaptor_resource : public resource {
 public:
  ~adaptor_resource() override;

  std::pmr::memory_resource* upstream() const noexcept override { return &upstream_.any(); }
  const std::pmr::memory_resource* root() const noexcept override { return upstream_.root(); }
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;
  std::size_t available() const noexcept override;
  memory_usage usage() const noexcept override;
  bool owns(const void* p) const noexcept override;
  block_info find_block(const void* p) const noexcept override;
  block_extent live_block(const void* p) const noexcept override;
  void release() noexcept override;  ///< the upstream's, where that is one of ours
  bool can_release() const noexcept override { return upstream_.can_release(); }
  std::size_t trim() noexcept override;
  bool check() const noexcept override;
  void for_each_block(block_visitor visitor) const override;
  bool tell_events_to(event_sink* sink) noexcept override;

 protected:
  /// @param upstream  must outlive this object
  explicit adaptor_resource(upstream_ref upstream, std::string_view name = {}) noexcept
      : resource(name), upstream_(upstream) {}

  const upstream_ref& base() const noexcept { return upstream_; }  ///< what it stands on

  /// The upstream's own calls.
  /// @{
  void* upstream_allocate(std::size_t bytes, std::size_t alignment) {
    return upstream_.any().allocate(bytes, alignment);
  }
  void upstream_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
    upstream_.any().deallocate(p, bytes, alignment);
  }
  /// @}

 private:
  const upstream_ref upstream_;
};

}  // namespace allot
