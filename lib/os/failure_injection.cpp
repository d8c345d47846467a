#include <allot/os/failure_injection.hpp>
#include <atomic>

namespace allot::os {
namespace {

std::atomic<unsigned> armed_kinds{0};  // 0: nothing is counted
std::atomic<std::size_t> armed_nth{0};
std::atomic<bool> armed_for_good{false};
std::atomic<std::size_t> calls_seen{0};
std::atomic<bool> failed_one{false};

}  // namespace

failure_injection::failure_injection(std::size_t nth, os_call which, rule how_long) noexcept {
  calls_seen = 0;
  failed_one = false;
  armed_nth = nth;
  armed_for_good = how_long == rule::from_then_on;
  armed_kinds = static_cast<unsigned>(which);
}

failure_injection::~failure_injection() { armed_kinds = 0; }

std::size_t failure_injection::calls() const noexcept { return calls_seen; }
bool failure_injection::fired() const noexcept { return failed_one; }

bool failure_injection::due(os_call which) noexcept {
  const unsigned kinds = armed_kinds.load(std::memory_order_relaxed);
  if ((kinds & static_cast<unsigned>(which)) == 0) return false;
  const std::size_t call = ++calls_seen;
  const std::size_t nth = armed_nth;
  const bool fail = nth != 0 && (call == nth || (call > nth && armed_for_good));
  if (fail) failed_one = true;
  return fail;
}

}  // namespace allot::os
