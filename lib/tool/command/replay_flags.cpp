#include "replay_flags.hpp"

#include <nlohmann/json.hpp>

namespace allot::tool {

replay_options replay_flags::options() const {
  using contents = replay_options::content;
  using orders = replay_options::order;
  replay_options made;
  made.blocks = content == "untouched" ? contents::untouched
                : content == "checked" ? contents::checked
                                       : contents::touched;
  made.keep = order == "recorded" ? orders::recorded : orders::of_blocks;
  made.threads = !one_thread;
  return made;
}

namespace {

json to_json(const replay_latency& latency) {
  return {{"calls", latency.calls}, {"median", latency.median}, {"p99", latency.p99},
          {"p999", latency.p999},   {"most", latency.most},     {"clock", latency.clock}};
}

}  // namespace

json to_json(const replay_result& result) {
  json made = {{"seconds", result.seconds},
               {"operations", result.operations},
               {"refused", result.refused},
               {"left_out", result.left_out},
               {"damaged", result.damaged},
               {"peak_live", result.peak_live},
               {"peak_committed", result.peak_committed},
               {"average_committed", result.average_committed},
               {"waste", result.waste()},
               {"fragmentation", result.fragmentation},
               {"pages_at_peak", result.pages_at_peak},
               {"spread", result.spread()},
               {"neighbours", result.neighbours},
               {"page_faults", result.page_faults},
               {"peak_resident", result.peak_resident},
               {"average_resident", result.average_resident}};
  if (result.latency.calls != 0) made["latency"] = to_json(result.latency);
  return made;
}

json to_json(const comparison& row) {
  json made = {{"name", row.name}, {"seconds", row.seconds}, {"fastest", row.fastest}, {"slowest", row.slowest}};
  made["rounds"] = row.rounds;
  made["latencies"] = row.latencies;
  made["result"] = to_json(row.result);
  return made;
}

}  // namespace allot::tool
