#include <CLI/CLI.hpp>
#include <allot/config/config.hpp>
#include <allot/trace/compare.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "command.hpp"
#include "contest.hpp"
#include "output.hpp"
#include "words.hpp"

namespace allot::tool {
namespace {

struct request {
  contest_flags contest;
  std::string output;
  std::string what = "time";
};

recommend_for meant(const std::string& what) {
  if (what == "memory") return recommend_for::memory;
  if (what == "latency") return recommend_for::latency;
  return recommend_for::time;
}

/// The config, with why it is this one as comments on top.
std::string explained(const request& wanted, const contest_result& result, const recommendation& made) {
  const std::size_t best = made.best;
  std::string text = "# " + printable(result.rows[best].name) + ", chosen for " + wanted.what +
                     " by allot recommend from " + printable(wanted.contest.trace) + ":\n";
  for (const std::string& reason : made.reasons) text += "# - " + printable(reason) + "\n";
  return text + "\n" + result.candidates[best].config;
}

json to_json(const request& wanted, const contest_result& result, const recommendation& made,
             const std::string& config) {
  json as_good = json::array();
  for (const std::size_t each : made.as_good) as_good.push_back(result.rows[each].name);
  json whole = to_json(result);
  whole["for"] = wanted.what;
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

void recommend_one(const request& wanted, command_context& context) {
  std::optional<output_file> file;
  if (!wanted.output.empty()) file.emplace(wanted.output, wanted.contest.trace);
  const contest_result result = hold(wanted.contest, context);
  const recommendation made = [&] {
    try {
      return recommend(result.trace.program, result.rows, meant(wanted.what));
    } catch (const std::invalid_argument&) {
      throw command_error(found_wanting, "none of the candidates serves what the program asks for");
    }
  }();
  const std::string config = explained(wanted, result, made);
  check_config(config, "what is recommended");
  if (file) {
    file->stream() << config;
    file->commit();
  }
  if (context.json)
    write_json(context, to_json(wanted, result, made, config));
  else if (file)
    print_recommendation(context, result, made);
  else
    context.out << config;
}

}  // namespace

void add_recommend(CLI::App& app, command_context& context) {
  const auto wanted = std::make_shared<request>();
  CLI::App* const sub =
      app.add_subcommand("recommend", "says on what the program of a trace does best, and why, and writes the config");
  wanted->contest.add_to(*sub);
  sub->add_option("-o,--output", wanted->output, "where the config goes; otherwise to standard output")
      ->type_name("FILE");
  sub->add_option("--for", wanted->what, "what counts")
      ->check(CLI::IsMember({"time", "memory", "latency"}))
      ->capture_default_str();
  sub->callback([wanted, &context] { recommend_one(*wanted, context); });
}

}  // namespace allot::tool
