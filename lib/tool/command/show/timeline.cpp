#include "timeline.hpp"

#include <algorithm>

namespace allot::tool {

void timeline::event(const trace_record& what) {
  while (what.nanoseconds >> shift_ >= most_stretches) halve();
  // Threads' clocks may be a little apart; time does not go back here.
  now_ = std::max(now_, static_cast<std::size_t>(what.nanoseconds >> shift_));
  stretches_ = now_ + 1;
}

void timeline::change(std::uint32_t resource, std::uint64_t more) {
  change(all_, more);
  auto found = resources_.find(resource);
  if (found == resources_.end()) {
    if (resources_.size() == most_resources) return;
    found = resources_.emplace(resource, series()).first;
  }
  change(found->second, more);
}

void timeline::change(series& of, std::uint64_t more) const {
  if (of.uses.size() <= now_) of.uses.resize(now_ + 1);
  stretch_use& use = of.uses[now_];
  if (!use.changed) use.most = of.live;
  of.live += more;
  use.most = std::max(use.most, of.live);
  use.last = of.live;
  use.changed = true;
}

/// Two stretches become one.
void timeline::halve() {
  const auto halved = [](series& of) {
    for (std::size_t i = 0; i < of.uses.size(); i += 2) {
      stretch_use both = of.uses[i];
      if (i + 1 < of.uses.size() && of.uses[i + 1].changed) {
        const stretch_use& second = of.uses[i + 1];
        both = {both.changed ? std::max(both.most, second.most) : second.most, second.last, true};
      }
      of.uses[i / 2] = both;
    }
    of.uses.resize((of.uses.size() + 1) / 2);
  };
  halved(all_);
  for (auto& [number, each] : resources_) halved(each);
  ++shift_;
  now_ /= 2;
}

std::vector<std::uint64_t> timeline::most_live(std::uint32_t resource, std::size_t count) const {
  const auto found = resources_.find(resource);
  return found != resources_.end() ? most_live(found->second, count) : std::vector<std::uint64_t>();
}

std::vector<std::uint64_t> timeline::most_live(const series& of, std::size_t count) const {
  std::vector<std::uint64_t> most(std::min(count, stretches_));
  std::uint64_t last = 0;
  std::size_t at = 0;
  for (std::size_t part = 0; part < most.size(); ++part) {
    most[part] = last;
    for (const std::size_t end = (part + 1) * stretches_ / most.size(); at < end; ++at) {
      if (at >= of.uses.size() || !of.uses[at].changed) continue;
      most[part] = std::max(most[part], of.uses[at].most);
      last = of.uses[at].last;
    }
  }
  return most;
}

}  // namespace allot::tool
