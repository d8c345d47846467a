#include <allot/core/checked_size.hpp>
#include <allot/core/memory_event.hpp>

namespace allot {

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
    case memory_event_kind::grow:
      return "grow";
    case memory_event_kind::push:
      return "push";
    case memory_event_kind::pop:
      return "pop";
    case memory_event_kind::mark:
      return "mark";
    case memory_event_kind::rewind:
      return "rewind";
    case memory_event_kind::clear:
      return "clear";
  }
  return "unknown";
}

fixed_text<191> text_of(const memory_event& event) noexcept {
  using kind = memory_event_kind;
  fixed_text<191> line(event.resource);
  line.append(" ").append(name_of(event.kind));
  if (event.address != nullptr) line.append(" ").append_hex(address_of(event.address));
  if (event.kind != kind::release && event.kind != kind::mark) {
    line.append(" ").append_decimal(event.bytes);
    if (event.kind == kind::expand) line.append(" to ").append_decimal(event.new_bytes);
    line.append(" bytes");
  }
  if (event.alignment != 0) line.append(" aligned to ").append_decimal(event.alignment);
  if (event.at_position) line.append(", position ").append_decimal(event.position);
  return line;
}

}  // namespace allot
