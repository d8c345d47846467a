#include <algorithm>
#include <allot/adaptor/statistics_resource.hpp>
#include <mutex>
#include <stdexcept>

namespace allot {

statistics_resource::~statistics_resource() = default;

void statistics_resource::count_failure() noexcept { shared::add(failures_, std::size_t{1}); }

void statistics_resource::raise_peak(counter<std::ptrdiff_t>& peak, std::ptrdiff_t value) noexcept {
  std::ptrdiff_t before = peak.load(std::memory_order_relaxed);
  while (before < value && !peak.compare_exchange_weak(before, value, std::memory_order_relaxed)) {
  }
}

void* statistics_resource::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  void* const p = adaptor_resource::try_allocate(bytes, alignment);
  if (p == nullptr)
    count_failure();
  else
    count_block<shared>(bytes);
  return p;
}

bool statistics_resource::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                     std::size_t alignment) noexcept {
  if (!adaptor_resource::try_expand(p, old_bytes, new_bytes, alignment)) return false;
  if (new_bytes > old_bytes) shared::add(total_bytes_, new_bytes - old_bytes);
  raise(peak_bytes_,
        shared::add(live_bytes_, static_cast<std::ptrdiff_t>(new_bytes) - static_cast<std::ptrdiff_t>(old_bytes)));
  return true;
}

/// As snapshot(), but with the peaks of the innermost level.
allocation_statistics statistics_resource::innermost() const noexcept {
  allocation_statistics now;
  now.live_blocks = live_blocks_.load(std::memory_order_relaxed);
  now.live_bytes = live_bytes_.load(std::memory_order_relaxed);
  // What lives is counted before the peak that it makes.
  now.peak_blocks = std::max(now.live_blocks, peak_blocks_.load(std::memory_order_relaxed));
  now.peak_bytes = std::max(now.live_bytes, peak_bytes_.load(std::memory_order_relaxed));
  now.total_bytes = total_bytes_.load(std::memory_order_relaxed);
  now.failures = failures_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < now.sizes.size(); ++i) {
    now.sizes[i] = sizes_[i].load(std::memory_order_relaxed);
    now.total_blocks += now.sizes[i];
  }
  return now;
}

allocation_statistics statistics_resource::snapshot() const noexcept {
  const std::lock_guard lock(levels_mutex_);
  allocation_statistics now = innermost();
  for (std::size_t i = 0; i < levels_; ++i) {
    now.peak_blocks = std::max(now.peak_blocks, begun_[i].peak_blocks);
    now.peak_bytes = std::max(now.peak_bytes, begun_[i].peak_bytes);
  }
  return now;
}

void statistics_resource::push() {
  const std::lock_guard lock(levels_mutex_);
  if (levels_ == most_levels) throw std::length_error("statistics_resource: no more nested counters");
  allocation_statistics& before = begun_[levels_++] = innermost();
  // A peak that another thread raises meanwhile is one of the new level or of the old one, and not lost.
  before.peak_blocks = peak_blocks_.exchange(before.live_blocks, std::memory_order_relaxed);
  before.peak_bytes = peak_bytes_.exchange(before.live_bytes, std::memory_order_relaxed);
  raise(peak_blocks_, live_blocks_.load(std::memory_order_relaxed));
  raise(peak_bytes_, live_bytes_.load(std::memory_order_relaxed));
}

allocation_statistics statistics_resource::pop() {
  const std::lock_guard lock(levels_mutex_);
  if (levels_ == 0) throw std::logic_error("statistics_resource: no nested counters to end");
  const allocation_statistics& before = begun_[--levels_];
  const allocation_statistics now = innermost();
  raise(peak_blocks_, before.peak_blocks);
  raise(peak_bytes_, before.peak_bytes);
  allocation_statistics nested = difference(before, now);
  nested.peak_blocks = now.peak_blocks - before.live_blocks;
  nested.peak_bytes = now.peak_bytes - before.live_bytes;
  return nested;
}

std::size_t statistics_resource::levels() const noexcept {
  const std::lock_guard lock(levels_mutex_);
  return levels_;
}

void statistics_resource::release() noexcept {
  adaptor_resource::release();
  if (!can_release()) return;
  const std::lock_guard lock(levels_mutex_);
  levels_ = 0;
  for (counter<std::ptrdiff_t>* each : {&live_blocks_, &live_bytes_, &peak_blocks_, &peak_bytes_})
    each->store(0, std::memory_order_relaxed);
  for (counter<std::size_t>* each : {&total_bytes_, &failures_}) each->store(0, std::memory_order_relaxed);
  for (counter<std::size_t>& each : sizes_) each.store(0, std::memory_order_relaxed);
}

}  // namespace allot
