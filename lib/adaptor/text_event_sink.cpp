#include <allot/adaptor/text_event_sink.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/fixed_text.hpp>
#include <ios>
#include <ostream>

namespace allot {

text_event_sink::~text_event_sink() = default;

void text_event_sink::write(const memory_event& event) {
  fixed_text<191> line(event.resource);
  line.append(" ").append(name_of(event.kind));
  if (event.address != nullptr) line.append(" ").append_hex(address_of(event.address));
  if (event.kind != memory_event_kind::release) {
    line.append(" ").append_decimal(event.bytes);
    if (event.kind == memory_event_kind::expand) line.append(" to ").append_decimal(event.new_bytes);
    line.append(" bytes");
  }
  if (event.alignment != 0) line.append(" aligned to ").append_decimal(event.alignment);
  line.append("\n");
  const std::lock_guard lock(mutex_);
  if (!out_.write(line.c_str(), static_cast<std::streamsize>(line.size())))
    throw std::ios_base::failure("text_event_sink: the stream takes no more");
}

}  // namespace allot
