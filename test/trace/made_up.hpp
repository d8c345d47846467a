#pragma once

#include <allot/trace/replay_program.hpp>
#include <allot/trace/trace_writer.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "support/worker.hpp"
#include "trace/trace_files.hpp"

namespace allot::test {

/// A trace that never was: events one by one.
class made_up {
 public:
  made_up& allocate(std::uint64_t address, std::uint64_t bytes, std::uint64_t alignment = 8) {
    return add(memory_event_kind::allocate, address, bytes, alignment);
  }
  made_up& deallocate(std::uint64_t address, std::uint64_t bytes, std::uint64_t alignment = 8) {
    return add(memory_event_kind::deallocate, address, bytes, alignment);
  }
  made_up& expand(std::uint64_t address, std::uint64_t before, std::uint64_t after, std::uint64_t alignment = 8) {
    add(memory_event_kind::expand, address, before, alignment);
    events_.back().second.new_bytes = after;
    return *this;
  }
  made_up& release() { return add(memory_event_kind::release, 0, 0, 0); }

  /// What follows is done by this thread, from 0 on.
  made_up& in_thread(std::uint64_t thread) {
    thread_ = thread;
    return *this;
  }

  void write_to(const std::string& file) const {
    trace_writer trace(file);
    std::map<std::uint64_t, worker> threads;
    for (const auto& [thread, event] : events_) {
      if (thread == 0)
        trace.write(event);
      else
        threads[thread].run([&trace, &told = event] { trace.write(told); });
    }
    trace.close();
  }

  replay_program program() const {
    const temporary_file file("made_up");
    write_to(file.path());
    trace_reader reader(file.path());
    return replay_program(reader);
  }

 private:
  made_up& add(memory_event_kind what, std::uint64_t address, std::uint64_t bytes, std::uint64_t alignment) {
    trace_record event;
    event.kind = what;
    event.address = address;
    event.bytes = bytes;
    event.alignment = alignment;
    events_.emplace_back(thread_, event);
    return *this;
  }

  std::vector<std::pair<std::uint64_t, trace_record>> events_;
  std::uint64_t thread_ = 0;
};

}  // namespace allot::test
