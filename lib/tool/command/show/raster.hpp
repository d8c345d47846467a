#pragma once

#include <allot/trace/live_blocks.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "address_ranges.hpp"

namespace allot::tool {

/// How full each of a number of cells of the address space is, kept up to date block by block.
class raster final : public live_blocks::listener {
 public:
  static constexpr std::size_t most_cells = 1536;
  static constexpr std::size_t most_layers = 8;

  struct range {
    std::uint64_t first = 0;  ///< address
    std::uint64_t last = 0;
    std::uint64_t bytes_each = 0;  ///< of a cell
    std::size_t first_cell = 0;
    std::size_t cells = 0;
  };

  /// @param layers  resources that are told apart, most_layers at most; all others count as the last of them
  raster(const address_ranges& addresses, const std::vector<std::uint32_t>& layers);

  const std::vector<range>& ranges() const noexcept { return ranges_; }
  std::size_t cells() const noexcept { return cells_; }

  /// A character a cell: how full it is, of 64, in the order of `digits`. Anything at all is at least 1.
  std::string levels() const;
  /// A digit a cell: the layer that has the most in it.
  std::string leading() const;

  static constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

 private:
  void begins(const live_block& block) override { change(block, block.bytes, 1); }
  void ends(const live_block& block, bool, bool) override { change(block, block.bytes, ~std::uint64_t{0}); }
  void resized(const live_block& block, std::uint64_t before) override {
    change(block, before, ~std::uint64_t{0});
    change(block, block.bytes, 1);
  }
  void change(const live_block& block, std::uint64_t bytes, std::uint64_t sign);
  const range* range_of(std::uint64_t address) const noexcept;

  std::vector<range> ranges_;
  std::size_t cells_ = 0;
  std::size_t layers_;
  std::unordered_map<std::uint32_t, std::size_t> layer_of_;
  std::vector<std::uint64_t> bytes_;  // live, of each layer of each cell
};

}  // namespace allot::tool
