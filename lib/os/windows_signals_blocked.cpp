// The contract of signals_blocked.hpp where threads take no signals.

#include <allot/os/signals_blocked.hpp>

namespace allot::os {

signals_blocked::signals_blocked() noexcept : before_{} {}
signals_blocked::~signals_blocked() = default;

}  // namespace allot::os
