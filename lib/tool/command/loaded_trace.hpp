#pragma once

#include <allot/trace/replay_program.hpp>
#include <allot/trace/trace_reader.hpp>
#include <string>
#include <vector>

#include "command.hpp"
#include "output.hpp"

namespace allot::tool {

/// What became of the recording of a trace, and of its file.
struct trace_facts {
  std::string file;
  trace_summary summary;
  std::vector<trace_damage> damage;
};

/// Of a trace that was read as far as is wanted. What is missing of it is told as notes.
trace_facts facts_of(const std::string& file, const trace_reader& reader, command_context& context);

json to_json(const trace_facts& facts);

/// A trace that is ready to be replayed.
struct loaded_trace {
  trace_facts facts;
  replay_program program;
};

/// Reads one. Goes on where it is damaged in part, and tells that.
/// @throws trace_error; command_error, bad_data, when there is nothing to replay
loaded_trace load_trace(const std::string& file, command_context& context);

/// As {"trace": ...} of results.
json to_json(const loaded_trace& trace);

}  // namespace allot::tool
