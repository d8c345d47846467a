#include <allot/os/call_stack.hpp>
#include <allot/trace/trace_sink.hpp>
#include <string>

namespace allot {
namespace {

ALLOT_INITIAL_EXEC thread_local const trace_tag* innermost = nullptr;

/// The frames as lines, which say file and offset: they can be made names of functions later, without the process.
std::string text_of(const os::call_stack& stack, std::string_view own_files) {
  std::string text;
  for (std::size_t i = 0; i < stack.size(); ++i) {
    const os::call_stack::line line = stack.describe(i);
    const bool own = !own_files.empty() && std::string_view(line).find(own_files) != std::string_view::npos;
    if (!own || !text.empty()) text.append(std::string_view(line)).append("\n");
  }
  return text;
}

}  // namespace

trace_sink::trace_sink(trace_writer& trace, std::string_view resource, const trace_sink_options& options)
    : trace_(trace),
      resource_(trace.define(trace_name::resource, resource)),
      stacks_(options.stacks),
      own_files_(options.own_files) {}

trace_sink::~trace_sink() = default;

void trace_sink::write(const memory_event& event) {
  trace_record record;
  record.kind = event.kind;
  record.resource = resource_;
  record.tag = trace_tag::current(trace_);
  record.address = reinterpret_cast<std::uintptr_t>(event.address);
  record.bytes = event.bytes;
  record.alignment = event.alignment;
  record.new_bytes = event.new_bytes;
  record.position = event.position;
  if (stacks_) {
    os::call_stack stack;
    stack.capture();
    record.stack = trace_.define(trace_name::stack, text_of(stack, own_files_));
  }
  trace_.write(record);
}

trace_tag::trace_tag(trace_writer& trace, std::string_view tag)
    : trace_(trace), tag_(trace.define(trace_name::tag, tag)), outer_(innermost) {
  innermost = this;
}

trace_tag::~trace_tag() { innermost = outer_; }

std::uint32_t trace_tag::current(const trace_writer& trace) noexcept {
  for (const trace_tag* tag = innermost; tag != nullptr; tag = tag->outer_)
    if (&tag->trace_ == &trace) return tag->tag_;
  return 0;
}

}  // namespace allot
