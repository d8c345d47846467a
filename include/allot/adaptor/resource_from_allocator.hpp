#pragma once

#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/misuse.hpp>
#include <allot/core/resource.hpp>
#include <cstddef>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace allot {

/// Any standard allocator as a resource: the other way round from std::pmr::polymorphic_allocator.
///
/// The allocator is rebound to types of the alignment asked for, up to `largest_alignment`, and asked for as many of
/// them as hold the bytes, so a size that is no multiple of its alignment is rounded up to one; std::allocator and
/// those that go by alignof serve each alignment so. What comes back misaligned, from an allocator that goes by less,
/// is given back and refused.
///
/// Thread-safe if the allocator is.
template <class Allocator>
class resource_from_allocator final : public resource {
 public:
  /// Requests for a larger one are refused.
  static constexpr std::size_t largest_alignment = std::size_t{64} << 10;

  resource_from_allocator() = default;
  /// Keeps a copy of the allocator, which may throw.
  explicit resource_from_allocator(const Allocator& allocator, std::string_view name = {})
      : resource(name), allocator_(allocator) {}

  /// @throws what the allocator throws; allocation_error (memory_errc::size_overflow) for sizes that no allocator can
  ///         serve, and (memory_errc::invalid_alignment) for alignments that this one does not keep to
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return resource_from_allocator::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    resource_from_allocator::do_deallocate(p, bytes, alignment);
  }

  const Allocator& allocator() const noexcept { return allocator_; }  ///< the copy

  std::string_view kind() const noexcept override { return "resource_from_allocator"; }

 private:
  template <std::size_t Alignment>
  struct alignas(Alignment) unit {
    std::byte bytes[Alignment];
  };
  template <std::size_t Alignment>
  using traits = typename std::allocator_traits<Allocator>::template rebind_traits<unit<Alignment>>;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (!is_power_of_two(alignment)) {
      report_misuse({misuse_kind::invalid_alignment, name(), nullptr, alignment});
      refuse(memory_errc::invalid_alignment, bytes, alignment);
    }
    return allocate_aligned<1>(bytes, alignment);
  }

  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    deallocate_aligned<1>(p, bytes, alignment);
  }

  template <std::size_t Alignment>
  void* allocate_aligned(std::size_t bytes, std::size_t alignment) {
    if (alignment > Alignment) {
      if constexpr (Alignment < largest_alignment) return allocate_aligned<2 * Alignment>(bytes, alignment);
      refuse(memory_errc::invalid_alignment, bytes, alignment);
    }
    if (bytes > max_object_bytes - (Alignment - 1)) refuse(memory_errc::size_overflow, bytes, alignment);
    typename traits<Alignment>::allocator_type rebound(allocator_);
    const auto got = traits<Alignment>::allocate(rebound, units<Alignment>(bytes));
    void* const p = static_cast<void*>(std::addressof(*got));
    if (is_aligned(p, alignment)) return p;
    traits<Alignment>::deallocate(rebound, got, units<Alignment>(bytes));
    refuse(memory_errc::invalid_alignment, bytes, alignment);
  }

  template <std::size_t Alignment>
  void deallocate_aligned(void* p, std::size_t bytes, std::size_t alignment) {
    if constexpr (Alignment < largest_alignment)
      if (alignment > Alignment) return deallocate_aligned<2 * Alignment>(p, bytes, alignment);
    typename traits<Alignment>::allocator_type rebound(allocator_);
    using pointer = typename traits<Alignment>::pointer;
    const auto first = std::pointer_traits<pointer>::pointer_to(*static_cast<unit<Alignment>*>(p));
    traits<Alignment>::deallocate(rebound, first, units<Alignment>(bytes));
  }

  /// How many units hold the bytes; one for none.
  template <std::size_t Alignment>
  static std::size_t units(std::size_t bytes) noexcept {
    return bytes == 0 ? 1 : (bytes + Alignment - 1) / Alignment;
  }

  [[noreturn]] void refuse(memory_errc code, std::size_t bytes, std::size_t alignment) const {
    throw allocation_error({code, name(), bytes, alignment});
  }

  Allocator allocator_;
};

}  // namespace allot
