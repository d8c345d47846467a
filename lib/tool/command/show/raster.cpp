#include "raster.hpp"

#include <algorithm>

namespace allot::tool {

raster::raster(const address_ranges& addresses, const std::vector<std::uint32_t>& layers)
    : layers_(std::clamp<std::size_t>(layers.size(), 1, most_layers)) {
  for (std::size_t i = 0; i < layers.size(); ++i) layer_of_.emplace(layers[i], std::min(i, layers_ - 1));
  const auto all = addresses.ranges();
  double length = 0;
  for (const auto& [first, last] : all) length += static_cast<double>(last - first) + 1;
  // A range has at least one cell; what is left goes by length.
  const auto shared = static_cast<double>(most_cells - address_ranges::most_ranges);
  for (const auto& [first, last] : all) {
    const double part = (static_cast<double>(last - first) + 1) / length;
    const auto wanted = 1 + static_cast<std::uint64_t>(part * shared);
    range added;
    added.first = first;
    added.last = last;
    added.bytes_each = (last - first) / wanted + 1;
    added.first_cell = cells_;
    added.cells = static_cast<std::size_t>((last - first) / added.bytes_each + 1);
    cells_ += added.cells;
    ranges_.push_back(added);
  }
  bytes_.resize(cells_ * layers_);
}

const raster::range* raster::range_of(std::uint64_t address) const noexcept {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                                      [](std::uint64_t wanted, const range& each) { return wanted < each.first; });
  return after == ranges_.begin() ? nullptr : &*std::prev(after);
}

/// Sums wrap, so that what was added can always be taken away.
void raster::change(const live_block& block, std::uint64_t bytes, std::uint64_t sign) {
  if (bytes == 0) return;
  const range* const in = range_of(block.address);
  if (in == nullptr) return;
  const auto known = layer_of_.find(block.resource);
  const std::size_t layer = known != layer_of_.end() ? known->second : layers_ - 1;
  const std::uint64_t begin = block.address - in->first;
  const std::uint64_t last = std::min(last_byte(block.address, bytes), in->last) - in->first;
  for (std::uint64_t cell = begin / in->bytes_each; cell <= last / in->bytes_each; ++cell) {
    const std::uint64_t from = std::max(begin, cell * in->bytes_each);
    const std::uint64_t to = from + std::min(last - from, in->bytes_each - 1 - from % in->bytes_each);
    bytes_[(in->first_cell + static_cast<std::size_t>(cell)) * layers_ + layer] += sign * (to - from + 1);
  }
}

std::string raster::levels() const {
  std::string text(cells_, digits[0]);
  for (const range& in : ranges_)
    for (std::size_t cell = in.first_cell; cell < in.first_cell + in.cells; ++cell) {
      double live = 0;
      for (std::size_t layer = 0; layer < layers_; ++layer) live += static_cast<double>(bytes_[cell * layers_ + layer]);
      if (live == 0) continue;
      const double part = live / static_cast<double>(in.bytes_each) * static_cast<double>(digits.size() - 1);
      text[cell] = digits[std::clamp<std::size_t>(static_cast<std::size_t>(std::min(part, 1e3)), 1, digits.size() - 1)];
    }
  return text;
}

std::string raster::leading() const {
  std::string text(cells_, '0');
  for (std::size_t cell = 0; cell < cells_; ++cell) {
    const auto first = bytes_.begin() + static_cast<std::ptrdiff_t>(cell * layers_);
    const auto most = std::max_element(first, first + static_cast<std::ptrdiff_t>(layers_));
    text[cell] = digits[static_cast<std::size_t>(most - first)];
  }
  return text;
}

}  // namespace allot::tool
