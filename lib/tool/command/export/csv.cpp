#include <allot/core/memory_event.hpp>
#include <command/words.hpp>
#include <ostream>

#include "formats.hpp"
#include "stack_frames.hpp"

namespace allot::tool {
namespace {

/// In quotation marks where a reader would take it for something else.
std::string field(const std::string& text) {
  if (text.find_first_of("\",\r\n") == text.npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

/// In one line, innermost first: "/usr/bin/program+0x1234;/lib/libc.so.6+0x27249".
std::string stack_field(const std::string& stack) {
  std::string text;
  for (const stack_frame& frame : frames_of(stack)) {
    if (!text.empty()) text += ';';
    text += frame.file.empty() ? hex_text(frame.address) : frame.file + "+" + hex_text(frame.offset);
  }
  return field(text);
}

}  // namespace

void export_csv(std::ostream& out, recording& trace) {
  out << "order,nanoseconds,thread,event,resource,tag,address,bytes,alignment,new_bytes,position,stack\r\n";
  trace.rewind();
  for (trace_record event; trace.next(event);) {
    out << event.order << ',' << event.nanoseconds << ',' << event.thread << ',' << name_of(event.kind) << ','
        << field(trace.resource(event.resource)) << ',' << field(trace.tag(event.tag)) << ',' << hex_text(event.address)
        << ',' << event.bytes << ',' << event.alignment << ',' << event.new_bytes << ',' << event.position << ','
        << stack_field(trace.stack(event.stack)) << "\r\n";
  }
}

}  // namespace allot::tool
