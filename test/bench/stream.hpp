#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace allot::bench {

/// Allocations and deallocations in their order, without addresses.
class stream {
 public:
  struct event {
    std::uint32_t block;  // its number; the next block may have it again once this one is freed
    std::uint32_t bytes;
    bool is_allocation;
  };

  /// @return the block's number
  std::uint32_t allocate(std::size_t bytes);
  void deallocate(std::uint32_t block);
  void deallocate_all();  ///< in the order of their numbers

  const std::vector<event>& events() const { return events_; }
  std::size_t most_blocks() const { return bytes_.size(); }  ///< alive at once
  std::size_t live_bytes() const { return live_; }           ///< as they were asked for
  std::size_t peak_bytes() const { return peak_; }

 private:
  std::vector<event> events_;
  std::vector<std::uint32_t> bytes_;  // of each block; 0: not alive
  std::vector<std::uint32_t> unused_;
  std::size_t live_ = 0;
  std::size_t peak_ = 0;
};

/// What a program may do to its memory.
struct stream_kind {
  std::string name;
  std::string what;
  stream (*make)(std::size_t shrink, std::uint64_t seed);  ///< at its end nothing is alive
};

/// Six kinds, each of some hundred thousand events and a peak of some tens of megabytes.
std::vector<stream_kind> stream_kinds();

}  // namespace allot::bench
