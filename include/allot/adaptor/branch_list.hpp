#pragma once

#include <allot/adaptor/upstream_ref.hpp>
#include <allot/core/compiler.hpp>
#include <array>
#include <cstddef>

namespace allot {

/// The upstreams of an adaptor that has several: at least one, at most `capacity`, held in place.
class branch_list {
 public:
  static constexpr std::size_t capacity = 16;  ///< upstreams

  /// @throws std::invalid_argument for none, and for more than capacity
  ALLOT_EXPORT branch_list(const upstream_ref* first, std::size_t count);

  /// @throws std::invalid_argument when it is full
  ALLOT_EXPORT void add(const upstream_ref& upstream);

  std::size_t size() const noexcept { return size_; }
  const upstream_ref& operator[](std::size_t index) const noexcept { return all_[index]; }
  const upstream_ref* begin() const noexcept { return all_.data(); }
  const upstream_ref* end() const noexcept { return all_.data() + size_; }

 private:
  std::array<upstream_ref, capacity> all_;  // from size_ on the first one again
  std::size_t size_;
};

}  // namespace allot
