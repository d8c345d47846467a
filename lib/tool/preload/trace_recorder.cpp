#include "trace_recorder.hpp"

#include <exception>

#include "report.hpp"

namespace allot::preload {

trace_recorder::trace_recorder(const std::string& file, const trace_writer_options& options, bool stacks)
    : trace_(file, options), sink_(trace_, "malloc", {stacks, "/liballot_preload"}) {}

void trace_recorder::tell(const memory_event& event) noexcept {
  try {
    sink_.write(event);
  } catch (...) {  // no memory for the name of a call stack: the event is lost, the program goes on
  }
}

void trace_recorder::allocated(const void* p, std::size_t bytes, std::size_t alignment) noexcept {
  tell({memory_event_kind::allocate, p, bytes, alignment, 0, {}});
}

void trace_recorder::deallocated(const void* p, std::size_t bytes) noexcept {
  tell({memory_event_kind::deallocate, p, bytes, 0, 0, {}});
}

void trace_recorder::resized(const void* p, std::size_t bytes, std::size_t new_bytes) noexcept {
  tell({memory_event_kind::expand, p, bytes, 0, new_bytes, {}});
}

void trace_recorder::refused(std::size_t bytes, std::size_t alignment) noexcept {
  tell({memory_event_kind::refuse, nullptr, bytes, alignment, 0, {}});
}

void trace_recorder::close() noexcept {
  try {
    trace_.close();
  } catch (const std::exception& error) {
    report(error.what());
  }
}

}  // namespace allot::preload
