#pragma once

#include <allot/trace/trace_reader.hpp>
#include <string>
#include <vector>

#include "support/temporary_file.hpp"

namespace allot::test {

inline std::vector<trace_record> all_of(trace_reader& reader) {
  std::vector<trace_record> events;
  for (trace_record event; reader.next(event);) events.push_back(event);
  return events;
}

inline std::vector<trace_record> events_in(const std::string& file) {
  trace_reader reader(file);
  return all_of(reader);
}

}  // namespace allot::test
