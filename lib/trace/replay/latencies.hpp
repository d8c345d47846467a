#pragma once

#include <allot/trace/replay.hpp>
#include <array>
#include <chrono>
#include <cstdint>

namespace allot::replaying {

using clock = std::chrono::steady_clock;

/// Counts of times, by classes that are exact below 64 ns and one part in 64 wide above. Adding allocates nothing.
class latencies {
 public:
  void add(clock::duration taken) noexcept;
  void add(const latencies& more) noexcept;

  /// @param looking  what the looks at the clock take, in nanoseconds
  replay_latency result(double looking) const noexcept;

  /// What two looks at the clock with nothing between are apart, in nanoseconds: the median of a thousand.
  static double of_looking() noexcept;

 private:
  static constexpr unsigned step_bits = 6;
  static constexpr std::uint64_t steps = std::uint64_t{1} << step_bits;
  static constexpr unsigned most_bits = 40;  // about 18 minutes
  static std::size_t class_of(std::uint64_t nanoseconds) noexcept;
  static std::uint64_t first_of(std::size_t index) noexcept;

  double at(double share) const noexcept;

  std::array<std::uint64_t, (most_bits - step_bits + 1) * steps> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t most_ = 0;
};

}  // namespace allot::replaying
