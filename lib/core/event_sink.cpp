#include <allot/core/event_sink.hpp>

namespace allot {

event_sink::~event_sink() = default;

}  // namespace allot
