#include <allot/os/memory_limits.hpp>
#include <atomic>

#include "context.hpp"

namespace allot::secure {
namespace {

std::atomic<std::size_t> taken{0};

/// A quarter of what the process had left at the first guard.
std::size_t all_there_is() noexcept {
  static const std::size_t most = os::memory_limits().mappings.left / 4;
  return most;
}

}  // namespace

bool guard_budget::take(std::size_t entries) noexcept {
  if (taken.fetch_add(entries, std::memory_order_relaxed) + entries <= all_there_is()) return true;
  taken.fetch_sub(entries, std::memory_order_relaxed);
  return false;
}

void guard_budget::give_back(std::size_t entries) noexcept { taken.fetch_sub(entries, std::memory_order_relaxed); }

}  // namespace allot::secure
