#include "address_ranges.hpp"

#include <algorithm>
#include <utility>

namespace allot::tool {

std::uint64_t last_byte(std::uint64_t address, std::uint64_t bytes) noexcept {
  return address + std::min(bytes == 0 ? 0 : bytes - 1, ~address);
}

void address_ranges::add(std::uint64_t address, std::uint64_t bytes) {
  join(address >> shift_, last_byte(address, bytes) >> shift_);
  while (windows_.size() > most_ranges) coarsen();
}

void address_ranges::join(std::uint64_t first, std::uint64_t last) {
  auto at = windows_.upper_bound(first);
  if (at != windows_.begin()) {
    const auto before = std::prev(at);
    if (last <= before->second) return;
    if (first <= before->second || first == before->second + 1) {
      first = before->first;
      at = before;
    }
  }
  while (at != windows_.end() && (at->first <= last || at->first == last + 1)) {
    last = std::max(last, at->second);
    at = windows_.erase(at);
  }
  windows_.emplace(first, last);
}

void address_ranges::coarsen() {
  const std::map<std::uint64_t, std::uint64_t> finer = std::exchange(windows_, {});
  ++shift_;
  for (const auto& [first, last] : finer) join(first >> 1, last >> 1);
}

std::map<std::uint64_t, std::uint64_t> address_ranges::ranges() const {
  std::map<std::uint64_t, std::uint64_t> all;
  for (const auto& [first, last] : windows_)
    all.emplace(first << shift_, last << shift_ | ((std::uint64_t{1} << shift_) - 1));
  return all;
}

}  // namespace allot::tool
