#include <allot/trace/compare.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "output.hpp"
#include "subcommands.hpp"

namespace allot::tool {
void compare_all(const compare_wishes& wishes, command_context& context) {
  std::optional<output_file> chart;
  if (!wishes.chart.empty()) chart.emplace(wishes.chart, wishes.contest.trace);
  const contest_result result = hold(wishes.contest, context);
  if (chart) {
    write_chart(chart->stream(), result.rows);
    chart->commit();
  }
  if (context.json)
    write_json(context, to_json(result));
  else
    print(context.out, result.rows);
}

}  // namespace allot::tool
