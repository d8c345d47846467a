#pragma once

#include <allot/adaptor/branching_resource.hpp>
#include <allot/core/compiler.hpp>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <string_view>

namespace allot {

/// Requests up to both bounds go to `to`.
struct size_route {
  /// The value of a bound there is not.
  static constexpr std::size_t unbounded = (std::numeric_limits<std::size_t>::max)();

  upstream_ref to;                        ///< must outlive the size_routing_resource
  std::size_t max_bytes = unbounded;      ///< the largest request
  std::size_t max_alignment = unbounded;  ///< and the largest alignment, in bytes
};

/// How a size_routing_resource is made.
struct size_routing_options {
  std::string_view name = {};  ///< what reports call it; empty: its kind
};

/// Sends each request to an upstream chosen by its size and alignment: small ones to a pool, large ones to pages, those
/// aligned to cache lines to a resource of their own.
///
/// The first route whose bounds hold the request is taken, and where there is none the last resort. Routes never
/// change, and pmr states size and alignment again when a block is freed, so it finds its way back without a header and
/// without a look at any state. For the same reason a block grows in place within its route only, and a free with a
/// wrong size may reach an upstream that the block is not from: that one reports it, if it checks.
///
/// Thread-safe if all upstreams are.
class ALLOT_EXPORT size_routing_resource final : public branching_resource {
 public:
  static constexpr std::size_t most_routes = branch_list::capacity - 1;  ///< beside the last resort

  /// All upstreams must outlive this object.
  /// @throws std::invalid_argument for more than most_routes
  size_routing_resource(std::initializer_list<size_route> routes, upstream_ref otherwise,
                        const size_routing_options& options = {})
      : size_routing_resource(routes.begin(), routes.size(), otherwise, options) {}
  /// The same with routes in an array.
  size_routing_resource(const size_route* first, std::size_t count, upstream_ref otherwise,
                        const size_routing_options& options = {});
  ~size_routing_resource() override;

  /// @throws what the upstream of the route throws
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return size_routing_resource::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    size_routing_resource::do_deallocate(p, bytes, alignment);
  }

  /// Where a request goes.
  const upstream_ref& route_of(std::size_t bytes, std::size_t alignment) const noexcept {
    return branches()[index_of(bytes, alignment)];
  }

  std::string_view kind() const noexcept override { return "size_routing_resource"; }
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override;

 private:
  struct bounds {
    std::size_t bytes = 0;
    std::size_t alignment = 0;
  };

  std::size_t index_of(std::size_t bytes, std::size_t alignment) const noexcept {
    std::size_t at = 0;
    while (at + 1 < branches().size() && (bytes > bounds_[at].bytes || alignment > bounds_[at].alignment)) ++at;
    return at;
  }

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return route_of(bytes, alignment).any().allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    route_of(bytes, alignment).any().deallocate(p, bytes, alignment);
  }

  std::array<bounds, most_routes> bounds_;
};

}  // namespace allot
