#pragma once

#include <allot/adaptor/adaptor_resource.hpp>
#include <allot/core/compiler.hpp>
#include <cstddef>
#include <string_view>

namespace allot {

/// When a zeroing_resource writes its zeros.
struct zeroing_options {
  /// Of a block's life.
  enum class moment {
    allocate,    ///< blocks are zero when they are handed out
    deallocate,  ///< blocks are overwritten with zeros before they go back: nothing they held stays behind
    both,
  };

  moment when = moment::allocate;  ///< when blocks are made zero
  std::string_view name = {};      ///< what reports call it; empty: its kind
};

/// Sees to it that memory is zero: when it is handed out, for code that counts on calloc, or before it goes back, for
/// what should not be found there later. The compiler cannot leave the latter out.
///
/// Of a block grown in place the new bytes are zeroed; one that is to be overwritten when freed shrinks by nothing but
/// moving, since bytes given up in place would have to be overwritten before it is known whether they are. What is left
/// behind in registers, on the stack or by containers that moved is out of reach: see secure_resource.
///
/// What a wrong deallocate() names is overwritten before the upstream can find that it is wrong: where that matters,
/// put a debug_resource on top. release() gives blocks up as they are.
///
/// Thread-safe if the upstream is.
class ALLOT_EXPORT zeroing_resource final : public adaptor_resource {
 public:
  /// @param upstream  must outlive this object
  explicit zeroing_resource(upstream_ref upstream, const zeroing_options& options = {}) noexcept
      : adaptor_resource(upstream, options.name),
        on_allocate_(options.when != zeroing_options::moment::deallocate),
        on_deallocate_(options.when != zeroing_options::moment::allocate) {}
  ~zeroing_resource() override;

  /// @throws what the upstream throws
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return zeroing_resource::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    zeroing_resource::do_deallocate(p, bytes, alignment);
  }

  std::string_view kind() const noexcept override { return "zeroing_resource"; }
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;

  const bool on_allocate_;
  const bool on_deallocate_;
};

}  // namespace allot
