#include <allot/adaptor/event_sink.hpp>

namespace allot {

event_sink::~event_sink() = default;

std::string_view name_of(memory_event_kind kind) noexcept {
  switch (kind) {
    case memory_event_kind::allocate:
      return "allocate";
    case memory_event_kind::deallocate:
      return "deallocate";
    case memory_event_kind::expand:
      return "expand";
    case memory_event_kind::refuse:
      return "refuse";
    case memory_event_kind::release:
      return "release";
    case memory_event_kind::trim:
      return "trim";
  }
  return "unknown";
}

}  // namespace allot
