// Bytes as a trace. Whatever is wrong with them is told, events come in order, and reading twice gives the same.

#include <unistd.h>

#include <allot/trace/trace_reader.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

namespace {

std::uint64_t read_all(allot::trace_reader& trace) {
  std::uint64_t last = 0;
  std::uint64_t sum = 0;
  for (allot::trace_record event; trace.next(event);) {
    if (event.order < last) std::abort();
    last = event.order;
    sum = sum * 31 + event.order + event.address + event.bytes;
    (void)trace.name(allot::trace_name::resource, event.resource);
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t count) {
  static const std::string file = "/tmp/allot_trace_fuzz." + std::to_string(::getpid());
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes), static_cast<std::streamsize>(count));
  try {
    allot::trace_reader trace(file);
    const std::uint64_t first = read_all(trace);
    const std::size_t damage = trace.damage().size();
    trace.rewind();
    if (read_all(trace) != first || trace.damage().size() != damage) std::abort();
  } catch (const allot::trace_error& error) {
    if (error.offset() > count) std::abort();
  }
  return 0;
}
