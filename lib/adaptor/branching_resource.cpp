#include <algorithm>
#include <allot/adaptor/branching_resource.hpp>
#include <array>

namespace allot {
namespace {

bool stands_on(const resource& above, const resource& below) noexcept {
  for (const resource* at = as_resource(above.upstream()); at != nullptr; at = as_resource(at->upstream()))
    if (at == &below) return true;
  return false;
}

}  // namespace

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

bool branching_resource::can_release() const noexcept {
  return std::all_of(branches_.begin(), branches_.end(), [](const upstream_ref& each) { return each.can_release(); });
}

void branching_resource::release() noexcept {
  std::array<resource*, branch_list::capacity> left{};
  std::size_t count = 0;
  for_each_of_ours([&](resource& ours) { left[count++] = &ours; });
  while (count != 0) {
    const auto end = left.begin() + static_cast<std::ptrdiff_t>(count);
    const auto top = std::find_if(left.begin(), end, [&](const resource* each) {
      return std::none_of(left.begin(), end, [&](const resource* other) { return stands_on(*other, *each); });
    });
    (*top)->release();
    *top = left[--count];
  }
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

bool branching_resource::tell_events_to(event_sink* sink) noexcept {
  bool told = false;
  for_each_of_ours([&](resource& ours) { told = ours.tell_events_to(sink) || told; });
  return told;
}

}  // namespace allot
