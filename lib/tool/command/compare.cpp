#include <CLI/CLI.hpp>
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

namespace allot::tool {
namespace {

struct request {
  contest_flags contest;
  std::string chart;
};

void compare_all(const request& wanted, command_context& context) {
  std::optional<output_file> chart;
  if (!wanted.chart.empty()) chart.emplace(wanted.chart, wanted.contest.trace);
  const contest_result result = hold(wanted.contest, context);
  if (chart) {
    write_chart(chart->stream(), result.rows);
    chart->commit();
  }
  if (context.json)
    write_json(context, to_json(result));
  else
    print(context.out, result.rows);
}

}  // namespace

void add_compare(CLI::App& app, command_context& context) {
  const auto wanted = std::make_shared<request>();
  CLI::App* const sub =
      app.add_subcommand("compare", "replays a trace on all built-in strategies and on configs, in turn, and measures");
  wanted->contest.add_to(*sub);
  sub->add_option("--svg", wanted->chart, "write a chart there, too")->type_name("FILE");
  sub->callback([wanted, &context] { compare_all(*wanted, context); });
}

}  // namespace allot::tool
