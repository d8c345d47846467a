#include "shown.hpp"

#include <algorithm>

namespace allot::tool {
namespace {

template <class Uses, class Measure>
std::vector<std::uint32_t> most_first(const Uses& uses, Measure measure, std::size_t most = ~std::size_t{0}) {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> all;
  for (const auto& [number, use] : uses)
    if (measure(number, use) != 0) all.emplace_back(~measure(number, use), number);  // the most first, then by number
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(most, all.size()));
  std::partial_sort(all.begin(), end, all.end());
  std::vector<std::uint32_t> numbers;
  for (auto at = all.begin(); at != end; ++at) numbers.push_back(at->second);
  return numbers;
}

}  // namespace

std::string cut(std::string text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes != 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0U) == 0x80) --bytes;
  text.resize(bytes);
  return text + "...";
}

std::vector<std::uint32_t> by_bytes(const std::map<std::uint32_t, resource_use>& resources) {
  return most_first(resources, [](std::uint32_t, const resource_use& of) { return of.use.bytes | 1; });
}

std::vector<std::uint32_t> by_bytes(const std::map<std::uint32_t, memory_use>& tags) {
  return most_first(tags, [](std::uint32_t, const memory_use& use) { return use.bytes | 1; });
}

leading_stacks leading(const census& counted, std::size_t most) {
  return {most_first(
              counted.stacks, [](std::uint32_t number, const memory_use& use) { return number != 0 ? use.at_peak : 0; },
              most),
          most_first(
              counted.stacks,
              [](std::uint32_t number, const memory_use& use) { return number != 0 ? use.allocations : 0; }, most)};
}

}  // namespace allot::tool
