#pragma once

#include <allot/trace/live_blocks.hpp>
#include <cstddef>
#include <cstdint>
#include <map>

namespace allot::tool {

/// Which addresses blocks ever had, as ranges with room between: at most so many. When there are more, those that are
/// closest become one.
class address_ranges final : public live_blocks::listener {
 public:
  static constexpr std::size_t most_ranges = 256;

  /// First and last address of each, in order.
  std::map<std::uint64_t, std::uint64_t> ranges() const;

  void add(std::uint64_t address, std::uint64_t bytes);

 private:
  void begins(const live_block& block) override { add(block.address, block.bytes); }
  void resized(const live_block& block, std::uint64_t) override { add(block.address, block.bytes); }
  void coarsen();
  void join(std::uint64_t first, std::uint64_t last);

  unsigned shift_ = 8;                              // windows of 2^8 bytes and more
  std::map<std::uint64_t, std::uint64_t> windows_;  // first and last of each range, which do not touch
};

/// The last byte of a block, of which there is at least one.
std::uint64_t last_byte(std::uint64_t address, std::uint64_t bytes) noexcept;

}  // namespace allot::tool
