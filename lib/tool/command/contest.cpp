#include "contest.hpp"

#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "progress.hpp"
#include "sharing.hpp"
#include "words.hpp"

namespace allot::tool {

contest_result hold(const contest_flags& wanted, command_context& context) {
  if (wanted.only_configs && wanted.configs.empty())
    throw command_error(wrong_usage, "--only-configs leaves nothing to compare without a config");
  std::vector<config_candidate> configs;
  for (const std::string& path : wanted.configs) configs.push_back(candidate_from_file(path));

  loaded_trace trace = load_trace(wanted.trace, context);
  compare_options options;
  options.rounds = wanted.rounds;
  options.replay = wanted.replay.options();
  for (const config_candidate& each : configs) check_sharing(trace.program, each, options.replay);
  std::vector<config_candidate> candidates;
  if (!wanted.only_configs)
    candidates = built_in_candidates(trace.program, options.replay.threads && trace.program.threads() > 1);
  candidates.insert(candidates.end(), std::make_move_iterator(configs.begin()), std::make_move_iterator(configs.end()));

  std::vector<replay_candidate> replayed;
  replayed.reserve(candidates.size());
  for (const config_candidate& each : candidates) replayed.push_back(each.replayed);
  progress bar(context, "replaying " + count_text(trace.program.operations().size(), "event") + " on " +
                            count_text(replayed.size(), "candidate"));
  options.progress = [&bar](std::size_t done, std::size_t of) { bar.at(done, of); };
  std::vector<comparison> rows = compare(trace.program, replayed, options);
  return {std::move(trace), std::move(candidates), std::move(rows)};
}

json to_json(const contest_result& result) {
  json rows = json::array();
  for (std::size_t i = 0; i < result.rows.size(); ++i) {
    json row = to_json(result.rows[i]);
    row["config"] = result.candidates[i].config;
    rows.push_back(std::move(row));
  }
  return {{"trace", to_json(result.trace)}, {"candidates", std::move(rows)}};
}

}  // namespace allot::tool
