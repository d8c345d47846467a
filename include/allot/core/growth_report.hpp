#pragma once

#include <allot/core/log_link.hpp>
#include <allot/core/memory_event.hpp>
#include <allot/core/resource.hpp>
#include <cstddef>
#include <exception>

namespace allot {

/// Tells the event log, at its own end, that a request made a resource hold more, or was refused because it ended in an
/// exception. For calls that may ask an upstream or the system, not for every one; while nothing is logged it costs a
/// call.
///
/// As thread-safe as `held`, which is called at the start and the end and says how many bytes the resource holds.
template <class Held>
class growth_report {
 public:
  /// For a request of so many bytes at that alignment; `at` must outlive this object.
  growth_report(const resource& at, std::size_t bytes, std::size_t alignment, Held held) noexcept
      : at_(at), bytes_(bytes), alignment_(alignment), held_(held), active_(log_link::active()) {
    if (!active_) return;
    before_ = held_();
    exceptions_ = std::uncaught_exceptions();
  }
  growth_report(const growth_report&) = delete;
  growth_report& operator=(const growth_report&) = delete;
  ~growth_report() {
    if (!active_) return;
    const std::size_t now = held_();
    if (now > before_) log_link::tell({memory_event_kind::grow, nullptr, now - before_, 0, 0, at_.name()});
    if (std::uncaught_exceptions() > exceptions_)
      log_link::tell({memory_event_kind::refuse, nullptr, bytes_, alignment_, 0, at_.name()});
  }

 private:
  const resource& at_;
  std::size_t bytes_;
  std::size_t alignment_;
  Held held_;
  bool active_;
  std::size_t before_ = 0;
  int exceptions_ = 0;
};

}  // namespace allot
