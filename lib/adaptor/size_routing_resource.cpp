#include <allot/adaptor/size_routing_resource.hpp>

namespace allot {
namespace {

branch_list branches_of(const size_route* first, std::size_t count, const upstream_ref& otherwise) {
  if (count == 0) return {&otherwise, 1};
  branch_list all(&first->to, 1);
  for (std::size_t i = 1; i < count; ++i) all.add(first[i].to);
  all.add(otherwise);
  return all;
}

}  // namespace

size_routing_resource::size_routing_resource(const size_route* first, std::size_t count, upstream_ref otherwise,
                                             const size_routing_options& options)
    : branching_resource(branches_of(first, count, otherwise), options.name) {
  for (std::size_t i = 0; i < count; ++i) bounds_[i] = {first[i].max_bytes, first[i].max_alignment};
}

size_routing_resource::~size_routing_resource() = default;

void* size_routing_resource::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  return route_of(bytes, alignment).try_allocate(bytes, alignment);
}

bool size_routing_resource::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                       std::size_t alignment) noexcept {
  const std::size_t route = index_of(old_bytes, alignment);
  if (route != index_of(new_bytes, alignment)) return false;
  resource* const ours = branches()[route].ours();
  return ours != nullptr ? ours->try_expand(p, old_bytes, new_bytes, alignment) : old_bytes == new_bytes;
}

}  // namespace allot
