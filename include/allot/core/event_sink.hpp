#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/memory_event.hpp>

namespace allot {

/// Takes events. write() is called by every thread that uses the resource, at the same time if the resource is used so.
class ALLOT_EXPORT event_sink {
 public:
  virtual ~event_sink();

  /// May throw; the event is then lost, and counted as lost by whom it came from. Must not use the resource.
  virtual void write(const memory_event& event) = 0;

  /// The kinds an arena tells this sink of: always the same. What must be told of every push, allocation, mark or
  /// rewind makes all of an arena's calls slower; the other kinds cost nothing while they do not happen. Default: all.
  virtual memory_event_kinds wanted() const noexcept { return memory_event_kinds::all(); }

 protected:
  event_sink() = default;
  /// For sinks that can be copied.
  event_sink(const event_sink&) = default;
  event_sink& operator=(const event_sink&) = default;
};

}  // namespace allot
