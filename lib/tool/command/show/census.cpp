#include "census.hpp"

#include <algorithm>
#include <allot/core/bits.hpp>

namespace allot::tool {
namespace {

/// Sizes, and threads, that are kept for all resources together.
constexpr std::size_t most_of_resources = 4 * size_counts::most_sizes;

}  // namespace

std::size_t power_of(std::uint64_t value) noexcept { return value == 0 ? 0 : highest_bit(value); }

void size_counts::add(std::uint64_t bytes, std::size_t room) {
  if (const auto known = counts_.find(bytes); known != counts_.end())
    ++known->second;
  else if (room != 0)
    counts_.emplace(bytes, 1);
  else
    ++others_;
}

std::vector<trace_profile::size> size_counts::commonest(std::size_t most) const {
  std::vector<trace_profile::size> all;
  all.reserve(counts_.size());
  for (const auto& [bytes, blocks] : counts_) all.push_back({bytes, blocks});
  most = std::min(most, all.size());
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(most);
  std::partial_sort(all.begin(), end, all.end(), [](const trace_profile::size& a, const trace_profile::size& b) {
    return a.blocks != b.blocks ? a.blocks > b.blocks : a.bytes < b.bytes;
  });
  all.resize(most);
  return all;
}

void census::read(recording& trace, const std::vector<live_blocks::listener*>& others) {
  // All hear the same.
  struct several final : live_blocks::listener {
    void event(const trace_record& what) override {
      for (listener* each : all) each->event(what);
    }
    void begins(const live_block& block) override {
      for (listener* each : all) each->begins(block);
    }
    void resized(const live_block& block, std::uint64_t before) override {
      for (listener* each : all) each->resized(block, before);
    }
    void ends(const live_block& block, bool newest, bool oldest) override {
      for (listener* each : all) each->ends(block, newest, oldest);
    }
    std::vector<listener*> all;
  } hear;
  hear.all = others;
  hear.all.push_back(this);

  live_blocks live;
  trace.rewind();
  for (trace_record what; trace.next(what);) live.take(what, hear);
  mended = live.mended();
  finish();
}

/// What lives at the peak is what lived when it was reached; a use is only looked at again when it changes after that.
void census::settle(memory_use& use) const noexcept {
  if (use.seen_peak == peaks_) return;
  use.seen_peak = peaks_;
  use.at_peak = use.live;
  use.blocks_at_peak = use.live_blocks;
}

template <class Change>
resource_use& census::change(const live_block& block, Change how) {
  const std::uint64_t peak_before = all.peak;
  resource_use& of = resources[block.resource];
  for (memory_use* use : {&all, &of.use, &tags[block.tag], &stacks[block.stack]}) {
    settle(*use);
    how(*use);
    use->peak = std::max(use->peak, use->live);
  }
  if (all.peak > peak_before) {
    ++peaks_;
    peak = {events, now_.order, now_.nanoseconds};
  }
  return of;
}

void census::event(const trace_record& what) {
  now_ = what;
  ++events;
  last_nanoseconds = std::max(last_nanoseconds, what.nanoseconds);
  if (threads.size() < most_threads) threads.insert(what.thread);
  resource_use& of = resources[what.resource];
  if (threads_of_resources_ < most_of_resources && of.threads.insert(what.thread).second) ++threads_of_resources_;
  if (what.kind == memory_event_kind::refuse) ++of.refused;
  if (what.kind == memory_event_kind::trim) of.trimmed_bytes += what.bytes;
  if (what.kind == memory_event_kind::grow) {
    ++of.grown;
    of.grown_bytes += what.bytes;
  }
}

void census::begins(const live_block& block) {
  resource_use& of = change(block, [&](memory_use& use) {
    ++use.allocations;
    ++use.live_blocks;
    use.bytes += block.bytes;
    use.live += block.bytes;
  });
  ++sizes[power_of(block.bytes)];
  exact_sizes.add(block.bytes, size_counts::most_sizes - exact_sizes.sizes());

  const std::size_t before = of.sizes.sizes();
  of.sizes.add(block.bytes, most_of_resources - sizes_of_resources_);
  sizes_of_resources_ += of.sizes.sizes() - before;
  trace_profile& profile = of.profile;
  ++profile.blocks;
  profile.bytes += block.bytes;
  profile.largest = std::max(profile.largest, block.bytes);
  if (now_.alignment > alignof(std::max_align_t)) ++profile.aligned;
}

void census::resized(const live_block& block, std::uint64_t bytes_before) {
  resource_use& of = change(block, [&](memory_use& use) { use.live += block.bytes - bytes_before; });
  ++of.resized;
  ++of.profile.resized;
}

void census::ends(const live_block& block, bool newest, bool oldest) {
  resource_use& of = change(block, [&](memory_use& use) {
    ++use.ended;
    --use.live_blocks;
    use.live -= block.bytes;
  });
  const std::uint64_t lived = now_.nanoseconds > block.nanoseconds ? now_.nanoseconds - block.nanoseconds : 0;
  ++life_times[power_of(lived)];
  of.life_times += static_cast<double>(lived);
  ++(now_.kind == memory_event_kind::deallocate ? of.freed : of.given_up);
  if (now_.kind == memory_event_kind::release) {
    ++of.profile.released;
    return;
  }
  ++of.profile.freed;
  if (newest) ++of.profile.freed_newest;
  if (oldest) ++of.profile.freed_oldest;
  if (now_.thread != block.thread) ++of.profile.freed_by_another;
}

void census::finish() {
  settle(all);
  for (auto& [number, use] : tags) settle(use);
  for (auto& [number, use] : stacks) settle(use);
  for (auto& [number, of] : resources) {
    settle(of.use);
    of.profile.threads = static_cast<std::uint32_t>(of.threads.size());
    of.profile.peak_live = static_cast<std::size_t>(of.use.peak);
    of.profile.released += of.use.live_blocks;
    of.profile.sizes = of.sizes.sizes() + (of.sizes.others() != 0 ? 1 : 0);
    const std::vector<trace_profile::size> commonest = of.sizes.commonest(of.profile.commonest.size());
    std::copy(commonest.begin(), commonest.end(), of.profile.commonest.begin());
  }
}

}  // namespace allot::tool
