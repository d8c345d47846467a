// What a replay looks at while it runs, and behind it.

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/os/process_usage.hpp>
#include <allot/os/virtual_memory.hpp>
#include <unordered_set>

#include "run.hpp"

namespace allot::replaying {

/// At the resources that this thread alone uses: nobody else may ask them.
void run::look_at_own(std::uint32_t thread) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < ours_.size(); ++i) {
    if (ours_[i] != nullptr && users_[i] == thread)
      committed_[i].store(ours_[i]->usage().committed, std::memory_order_relaxed);
    sum += committed_[i].load(std::memory_order_relaxed);
  }
  std::size_t most = most_committed_.load(std::memory_order_relaxed);
  while (most < sum && !most_committed_.compare_exchange_weak(most, sum, std::memory_order_relaxed)) {
  }
}

void run::sample() {
  std::size_t committed = 0;
  for (std::size_t i = 0; i < ours_.size(); ++i) {
    if (ours_[i] == nullptr || same_as_[i] != i) continue;
    const bool confined = !users_.empty() && users_[i] != many;
    committed += confined ? committed_[i].load(std::memory_order_relaxed) : ours_[i]->usage().committed;
  }
  std::size_t live = 0;
  for (const lane& each : lanes_) live += each.live.load(std::memory_order_relaxed);
  result_.peak_committed = std::max(result_.peak_committed, committed);
  committed_sum_ += static_cast<double>(committed);
  if (committed > most_memory_) full_.store(true, std::memory_order_relaxed);
  // While threads run the sum of their bytes may be that of no moment, and even seem to be below 0.
  if (live < committed) fragmentation_sum_ += 1 - static_cast<double>(live) / static_cast<double>(committed);
  constexpr std::size_t between = 16;  // a look at the process takes long
  if (++samples_ % between == 1) sample_resident();
}

std::size_t run::resident_growth() const noexcept {
  const std::size_t now = os::usage_of_process().resident;
  return now - std::min(now, resident_before_);
}

void run::sample_resident() {
  const std::size_t growth = resident_growth();
  result_.peak_resident = std::max(result_.peak_resident, growth);
  resident_sum_ += static_cast<double>(growth);
  ++looks_at_resident_;
  if (growth > most_memory_) full_.store(true, std::memory_order_relaxed);
}

void run::look_at_pages() {
  const std::size_t page = os::facts().page_size;
  if (page == 0) return;
  const std::uint64_t before = os::usage_of_process().page_faults;
  std::unordered_set<std::uintptr_t> pages;
  for (const replayed_block& block : blocks_) {
    if (!block.there) continue;
    const std::uintptr_t last = address_of(block.address) + std::max<std::size_t>(block.bytes, 1) - 1;
    for (std::uintptr_t at = address_of(block.address) / page; at <= last / page; ++at) pages.insert(at);
  }
  result_.pages_at_peak = pages.size() * page;
  own_faults_ = os::usage_of_process().page_faults - before;
}

/// Behind the clock: blocks still have the addresses they were given, or moved to last.
void run::look_at_neighbours() {
  const std::size_t page = os::facts().page_size;
  std::vector<std::uintptr_t> before(program_.threads());
  std::uint64_t pairs = 0;
  std::uint64_t near = 0;
  for (const operation& each : program_.operations()) {
    if (each.what != action::allocate || blocks_[each.block].address == nullptr) continue;
    const std::uintptr_t here = address_of(blocks_[each.block].address);
    const std::uintptr_t there = before[each.thread];
    before[each.thread] = here;
    if (there == 0) continue;
    ++pairs;
    if (std::max(here, there) - std::min(here, there) < page) ++near;
  }
  result_.neighbours = pairs != 0 ? static_cast<double>(near) / static_cast<double>(pairs) : 0;
}

void run::sum_up() {
  const auto average = [](double sum, std::size_t count) {
    return count != 0 ? sum / static_cast<double>(count) : 0.0;
  };
  result_.operations = program_.operations().size();
  result_.refused = refused_;
  result_.damaged = damaged_;
  result_.peak_live = program_.peak_live();
  result_.peak_committed = std::max(result_.peak_committed, most_committed_.load());
  result_.average_committed = static_cast<std::size_t>(average(committed_sum_, samples_));
  result_.fragmentation = average(fragmentation_sum_, samples_);
  result_.average_resident = static_cast<std::size_t>(average(resident_sum_, looks_at_resident_));
  if (!options_.latencies) return;
  latencies all;
  for (const lane& each : lanes_) all.add(*each.timed);
  result_.latency = all.result(looking_);
}

}  // namespace allot::replaying
