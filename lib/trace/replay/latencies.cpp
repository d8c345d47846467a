#include "latencies.hpp"

#include <algorithm>
#include <allot/core/bits.hpp>

namespace allot::replaying {

/// Of one with more bits than a step has, the highest bits of it, and how many there are below.
std::size_t latencies::class_of(std::uint64_t nanoseconds) noexcept {
  if (nanoseconds < steps) return static_cast<std::size_t>(nanoseconds);
  const std::size_t below = highest_bit(nanoseconds) - step_bits;
  return static_cast<std::size_t>((below << step_bits) + (nanoseconds >> below));
}

std::uint64_t latencies::first_of(std::size_t index) noexcept {
  if (index < 2 * steps) return index;
  const std::size_t below = (index >> step_bits) - 1;
  return (index - (below << step_bits)) << below;
}

void latencies::add(clock::duration taken) noexcept {
  const auto told = std::chrono::duration_cast<std::chrono::nanoseconds>(taken).count();
  const auto nanoseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(told, 0));
  ++counts_[std::min(class_of(nanoseconds), counts_.size() - 1)];
  ++count_;
  most_ = std::max(most_, nanoseconds);
}

void latencies::add(const latencies& more) noexcept {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += more.counts_[i];
  count_ += more.count_;
  most_ = std::max(most_, more.most_);
}

/// The least time that this share of all took at most.
double latencies::at(double share) const noexcept {
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen != 0 && static_cast<double>(seen) >= share * static_cast<double>(count_))
      return static_cast<double>(first_of(i));
  }
  return static_cast<double>(most_);
}

replay_latency latencies::result(double looking) const noexcept {
  replay_latency told;
  told.calls = count_;
  told.clock = looking;
  if (count_ == 0) return told;
  const auto less_looking = [looking](double time) { return std::max(time - looking, 0.0); };
  told.median = less_looking(at(0.5));
  told.p99 = less_looking(at(0.99));
  told.p999 = less_looking(at(0.999));
  told.most = less_looking(static_cast<double>(most_));
  return told;
}

double latencies::of_looking() noexcept {
  latencies nothing;
  for (int i = 0; i < 1001; ++i) {
    const auto start = clock::now();
    nothing.add(clock::now() - start);
  }
  return nothing.at(0.5);
}

}  // namespace allot::replaying
