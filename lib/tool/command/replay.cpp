#include <cstdint>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <string_view>

#include "candidates.hpp"
#include "loaded_trace.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "replay_flags.hpp"
#include "sharing.hpp"
#include "subcommands.hpp"
#include "words.hpp"

namespace allot::tool {
namespace {

void print_result(command_context& context, const replay_result& is) {
  const auto line = [&](std::string_view name, const std::string& value) {
    context.out << name << std::string(20 - name.size(), ' ') << value << '\n';
  };
  const auto bytes = [](std::size_t count) { return count == 0 ? std::string("-") : bytes_text(count); };
  const auto nanoseconds = [](double count) { return time_text(static_cast<std::uint64_t>(count)); };
  const auto wrong = [&](std::uint64_t count) {
    return painted(context, count == 0 ? colour::good : colour::bad, std::to_string(count));
  };
  line("time", nanoseconds(is.seconds * 1e9));
  line("events", std::to_string(is.operations));
  line("refused", wrong(is.refused));
  line("damaged", wrong(is.damaged));
  line("peak live", bytes(is.peak_live));
  line("peak committed", bytes(is.peak_committed));
  line("average committed", bytes(is.average_committed));
  line("waste", is.peak_committed == 0 ? "-" : percent_text(is.waste()));
  line("fragmentation", is.peak_committed == 0 ? "-" : percent_text(is.fragmentation));
  line("pages at peak", bytes(is.pages_at_peak));
  line("near neighbours", percent_text(is.neighbours));
  line("page faults", std::to_string(is.page_faults));
  line("peak resident", bytes(is.peak_resident));
  line("average resident", bytes(is.average_resident));
  if (is.left_out != 0) line("left out", count_text(is.left_out, "block") + ", for which there is no memory");
  if (is.latency.calls == 0) return;
  line("median call", nanoseconds(is.latency.median));
  line("99 % of calls", nanoseconds(is.latency.p99));
  line("99.9 % of calls", nanoseconds(is.latency.p999));
  line("longest call", nanoseconds(is.latency.most));
}

}  // namespace

void replay_trace(const replay_wishes& wishes, command_context& context) {
  const config_candidate candidate = candidate_from_file(wishes.config);
  const loaded_trace trace = load_trace(wishes.trace, context);
  replay_options options = wishes.flags.options();
  options.latencies = wishes.latencies;
  check_sharing(trace.program, candidate, options);
  const replay_result result = [&] {
    const progress bar(context, "replaying " + count_text(trace.program.operations().size(), "event"));
    return replay(trace.program, candidate.replayed, options);
  }();
  if (context.json) {
    write_json(context, {{"trace", to_json(trace)}, {"config", wishes.config}, {"result", to_json(result)}});
  } else {
    print_result(context, result);
  }
  if (result.refused != 0 || result.damaged != 0) context.code = found_wanting;
}

}  // namespace allot::tool
