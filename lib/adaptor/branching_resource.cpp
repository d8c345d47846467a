#include <algorithm>
#include <allot/adaptor/branching_resource.hpp>

namespace allot {
branching_resource::~branching_resource() = default;

template <class Visit>
void branching_resource::for_each_of_ours(Visit visit) const {
  for (const upstream_ref& each : branches_) {
    const bool seen = std::any_of(branches_.begin(), &each,
                                  [&](const upstream_ref& earlier) { return earlier.ours() == each.ours(); });
    if (each.ours() != nullptr && !seen) visit(*each.ours());
  }
}

std::size_t branching_resource::available() const noexcept {
  std::size_t sum = 0;
  for_each_of_ours([&](const resource& ours) { sum += ours.available(); });
  return sum;
}

memory_usage branching_resource::usage() const noexcept {
  memory_usage sum;
  for_each_of_ours([&](const resource& ours) { sum += ours.usage(); });
  return sum;
}

bool branching_resource::owns(const void* p) const noexcept {
  bool found = false;
  for_each_of_ours([&](const resource& ours) { found = found || ours.owns(p); });
  return found;
}

block_info branching_resource::find_block(const void* p) const noexcept {
  block_info found;
  for_each_of_ours([&](const resource& ours) {
    if (found.state == block_state::unknown) found = ours.find_block(p);
  });
  return found;
}

void branching_resource::release() noexcept {
  for_each_of_ours([](resource& ours) { ours.release(); });
}

std::size_t branching_resource::trim() noexcept {
  std::size_t sum = 0;
  for_each_of_ours([&](resource& ours) { sum += ours.trim(); });
  return sum;
}

bool branching_resource::check() const noexcept {
  bool sound = true;
  for_each_of_ours([&](const resource& ours) { sound = ours.check() && sound; });
  return sound;
}

void branching_resource::for_each_block(block_visitor visitor) const {
  for_each_of_ours([&](const resource& ours) { ours.for_each_block(visitor); });
}

}  // namespace allot
