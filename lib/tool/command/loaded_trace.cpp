#include "loaded_trace.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "progress.hpp"
#include "words.hpp"

namespace allot::tool {
namespace {

/// A file may be damaged in thousands of places; who wants them all has --json.
constexpr std::size_t most_damage_told = 5;

void tell_damage(const trace_facts& facts, command_context& context) {
  for (std::size_t i = 0; i < facts.damage.size() && i < most_damage_told; ++i) {
    const trace_damage& part = facts.damage[i];
    note(context, facts.file + ": byte " + std::to_string(part.offset) + ": " + part.problem + "; " +
                      count_text(part.bytes, "byte") + " left out");
  }
  if (facts.damage.size() > most_damage_told)
    note(context, facts.file + ": damaged in " + count_text(facts.damage.size() - most_damage_told, "more place"));
}

}  // namespace

trace_facts facts_of(const std::string& file, const trace_reader& reader, command_context& context) {
  trace_facts facts{file, reader.summary(), reader.damage()};
  tell_damage(facts, context);
  if (facts.summary.dropped != 0)
    note(context, file + ": " + count_text(facts.summary.dropped, "event") +
                      " were dropped while recording, so what is left may mislead");
  if (!facts.summary.complete)
    note(context, file + ": the program ended before the trace was closed; the last events are missing");
  return facts;
}

json to_json(const trace_facts& facts) {
  json damage = json::array();
  for (const trace_damage& part : facts.damage)
    damage.push_back({{"offset", part.offset}, {"bytes", part.bytes}, {"problem", part.problem}});
  return {{"file", facts.file},
          {"program", facts.summary.program},
          {"events", facts.summary.events},
          {"dropped", facts.summary.dropped},
          {"complete", facts.summary.complete},
          {"damage", std::move(damage)}};
}

loaded_trace load_trace(const std::string& file, command_context& context) {
  trace_reader reader(file);
  replay_program program = [&] {
    const progress bar(context, "reading " + file + ", " + count_text(reader.summary().events, "event"));
    return replay_program(reader);
  }();
  loaded_trace loaded{facts_of(file, reader, context), std::move(program)};
  if (loaded.program.operations().empty()) throw command_error(bad_data, file + ": has no events to replay");
  if (loaded.program.mended() != 0)
    note(context, file + ": " + count_text(loaded.program.mended(), "event") +
                      " made no sense without others that are not there, and were mended or left out");
  return loaded;
}

json to_json(const loaded_trace& trace) {
  json facts = to_json(trace.facts);
  facts["threads"] = trace.program.threads();
  facts["resources"] = trace.program.resources();
  facts["blocks"] = trace.program.blocks();
  facts["peak_live"] = trace.program.peak_live();
  facts["mended"] = trace.program.mended();
  facts["refused"] = trace.program.refused();
  return facts;
}

}  // namespace allot::tool
