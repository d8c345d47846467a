#pragma once

#include <allot/trace/live_blocks.hpp>
#include <allot/trace/trace_profile.hpp>
#include <array>
#include <command/recording.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace allot::tool {

/// How much memory something uses: a resource, a tag, a call stack, or all of them. Sums of bytes wrap at 2^64, which
/// only sizes that nobody has can reach.
struct memory_use {
  std::uint64_t allocations = 0;
  std::uint64_t ended = 0;  ///< blocks freed or given up
  std::uint64_t bytes = 0;  ///< of all blocks
  std::uint64_t live = 0;   ///< bytes
  std::uint64_t live_blocks = 0;
  std::uint64_t peak = 0;            ///< the most bytes live at a time
  std::uint64_t at_peak = 0;         ///< bytes live when most bytes of the whole trace are
  std::uint64_t blocks_at_peak = 0;  ///< blocks likewise

  std::uint64_t seen_peak = 0;  ///< the number of the peak that at_peak is of; see census
};

/// How many blocks have which size: exact as long as there are not very many sizes.
class size_counts {
 public:
  static constexpr std::size_t most_sizes = std::size_t{1} << 16;

  void add(std::uint64_t bytes, std::size_t room);
  std::size_t sizes() const noexcept { return counts_.size(); }
  std::uint64_t others() const noexcept { return others_; }  ///< blocks of sizes that came when there was no room
  /// The commonest first.
  std::vector<trace_profile::size> commonest(std::size_t most) const;

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> counts_;
  std::uint64_t others_ = 0;
};

constexpr std::size_t powers_of_two = 64;
using counts_by_power = std::array<std::uint64_t, powers_of_two>;
/// The logarithm to base 2, rounded down; 0 of 0.
std::size_t power_of(std::uint64_t value) noexcept;

struct resource_use {
  memory_use use;
  std::uint64_t freed = 0;     ///< blocks, one by one
  std::uint64_t given_up = 0;  ///< blocks, by release() or an arena's going back
  std::uint64_t resized = 0;
  std::uint64_t refused = 0;
  std::uint64_t grown = 0;          ///< times it got memory from its upstream
  std::uint64_t grown_bytes = 0;    ///< got so
  std::uint64_t trimmed_bytes = 0;  ///< given back
  double life_times = 0;            ///< sum over blocks that ended, in nanoseconds
  trace_profile profile;
  size_counts sizes;
  std::unordered_set<std::uint32_t> threads;

  double average_life_time() const noexcept { return use.ended == 0 ? 0 : life_times / static_cast<double>(use.ended); }
};

/// What is counted in a trace, in one go. Memory is for the live blocks, the names of the trace and bounded tables.
class census final : public live_blocks::listener {
 public:
  static constexpr std::size_t most_threads = std::size_t{1} << 16;

  struct peak_moment {
    std::uint64_t index = 0;  ///< of the event, from 1 on; 0: nothing ever lived
    std::uint64_t order = 0;
    std::uint64_t nanoseconds = 0;
  };

  /// All events of the trace, for itself and for others that want to hear of the blocks.
  void read(recording& trace, const std::vector<live_blocks::listener*>& others = {});

  std::uint64_t events = 0;
  std::uint64_t last_nanoseconds = 0;  ///< the latest time of any event
  std::uint64_t mended = 0;            ///< see live_blocks
  memory_use all;
  peak_moment peak;
  std::unordered_set<std::uint32_t> threads;  ///< as many as most_threads
  std::map<std::uint32_t, resource_use> resources;
  std::map<std::uint32_t, memory_use> tags;              ///< 0: of no tag
  std::unordered_map<std::uint32_t, memory_use> stacks;  ///< 0: not recorded
  counts_by_power sizes{};                               ///< blocks as they were asked for
  size_counts exact_sizes;
  counts_by_power life_times{};  ///< of blocks that ended

 private:
  void event(const trace_record& what) override;
  void begins(const live_block& block) override;
  void resized(const live_block& block, std::uint64_t bytes_before) override;
  void ends(const live_block& block, bool newest, bool oldest) override;

  template <class Change>
  resource_use& change(const live_block& block, Change how);
  void settle(memory_use& use) const noexcept;
  void finish();

  trace_record now_;
  std::uint64_t peaks_ = 0;             // how often a peak was higher than the one before
  std::size_t sizes_of_resources_ = 0;  // kept in all of them together
  std::size_t threads_of_resources_ = 0;
};

}  // namespace allot::tool
