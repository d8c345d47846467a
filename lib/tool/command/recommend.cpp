#include <allot/config/config.hpp>
#include <allot/trace/compare.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "output.hpp"
#include "subcommands.hpp"
#include "words.hpp"

namespace allot::tool {
namespace {

recommend_for meant(const std::string& what) {
  if (what == "memory") return recommend_for::memory;
  if (what == "latency") return recommend_for::latency;
  return recommend_for::time;
}

/// The config, with why it is this one as comments on top.
std::string explained(const recommend_wishes& wishes, const contest_result& result, const recommendation& made) {
  const std::size_t best = made.best;
  std::string text = "# " + printable(result.rows[best].name) + ", chosen for " + wishes.what +
                     " by allot recommend from " + printable(wishes.contest.trace) + ":\n";
  for (const std::string& reason : made.reasons) text += "# - " + printable(reason) + "\n";
  return text + "\n" + result.candidates[best].config;
}

json to_json(const recommend_wishes& wishes, const contest_result& result, const recommendation& made,
             const std::string& config) {
  json as_good = json::array();
  for (const std::size_t each : made.as_good) as_good.push_back(result.rows[each].name);
  json whole = to_json(result);
  whole["for"] = wishes.what;
  whole["best"] = result.rows[made.best].name;
  whole["as_good"] = std::move(as_good);
  whole["reasons"] = made.reasons;
  whole["config"] = config;
  return whole;
}

void print_recommendation(command_context& context, const contest_result& result, const recommendation& made) {
  context.out << painted(context, colour::good, printable(result.rows[made.best].name)) << '\n';
  for (const std::string& reason : made.reasons) context.out << "- " << printable(reason) << '\n';
}

}  // namespace

void recommend_one(const recommend_wishes& wishes, command_context& context) {
  std::optional<output_file> file;
  if (!wishes.output.empty()) file.emplace(wishes.output, wishes.contest.trace);
  const contest_result result = hold(wishes.contest, context);
  const recommendation made = [&] {
    try {
      return recommend(result.trace.program, result.rows, meant(wishes.what));
    } catch (const std::invalid_argument&) {
      throw command_error(found_wanting, "none of the candidates serves what the program asks for");
    }
  }();
  const std::string config = explained(wishes, result, made);
  check_config(config, "what is recommended");
  if (file) {
    file->stream() << config;
    file->commit();
  }
  if (context.json)
    write_json(context, to_json(wishes, result, made, config));
  else if (file)
    print_recommendation(context, result, made);
  else
    context.out << config;
}

}  // namespace allot::tool
