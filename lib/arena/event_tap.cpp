#include <allot/arena/event_tap.hpp>
#include <allot/core/log_link.hpp>
#include <utility>

namespace allot {

/// While nothing is logged at all, there is nothing to look for.
event_tap::event_tap() noexcept : version_(log_link::active() ? 0 : log_link::version.load()) {}

event_tap::event_tap(event_tap&& other) noexcept
    : sink_(other.sink_.exchange(nullptr)), version_(0), lost_(std::exchange(other.lost_, 0)) {}

void event_tap::look(std::string_view name) noexcept {
  name_ = name;
  heard_[0] = sink_.load();
  if (const unsigned version = log_link::version; version != version_) {
    version_ = version;
    heard_[1] = log_link::sink_for(name);
  }
  told_ = {};
  for (const event_sink* listener : heard_)
    if (listener != nullptr) told_ = told_ | listener->wanted();
}

void event_tap::tell(memory_event event) noexcept {
  event.resource = name_;
  for (event_sink* listener : heard_) {
    if (listener == nullptr || !listener->wanted().contains(event.kind)) continue;
    try {
      listener->write(event);
    } catch (...) {
      ++lost_;
    }
  }
}

}  // namespace allot
