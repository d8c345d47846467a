#include <allot/adaptor/text_event_sink.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/core/memory_event.hpp>
#include <ios>
#include <ostream>

namespace allot {

text_event_sink::~text_event_sink() = default;

void text_event_sink::write(const memory_event& event) {
  fixed_text<192> line(text_of(event));
  line.append("\n");
  const std::lock_guard lock(mutex_);
  if (!out_.write(line.c_str(), static_cast<std::streamsize>(line.size())))
    throw std::ios_base::failure("text_event_sink: the stream takes no more");
}

}  // namespace allot
