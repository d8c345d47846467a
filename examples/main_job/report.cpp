#include "report.hpp"

#include <algorithm>
#include <iomanip>
#include <range/v3/algorithm/any_of.hpp>
#include <range/v3/algorithm/max.hpp>
#include <range/v3/view/transform.hpp>
#include <sstream>

namespace main_job {

namespace {

using row = std::vector<std::string>;

row row_of(const measurement& result, const measurement& reference) {
  const int digits = time_digits(reference);
  const char* const mark = result.memory.from_system ? "*" : " ";
  const auto spread = [](const samples& times) {
    return times.size() < 2 ? std::string("-") : fixed(times.spread() * 100, 1) + " %";
  };
  return {std::string(result.name),
          fixed(result.cold.median(), digits),
          spread(result.cold),
          fixed(result.cold.median() / reference.cold.median(), 2),
          fixed(result.warm.median(), digits),
          spread(result.warm),
          fixed(result.warm.median() / reference.warm.median(), 2),
          bytes_text(result.memory.peak_live),
          bytes_text(result.memory.upstream_peak) + mark,
          bytes_text(result.memory.upstream_total) + mark};
}

std::string aligned(const std::vector<row>& rows) {
  std::ostringstream text;
  const std::size_t columns = rows.front().size();
  for (const row& cells : rows) {
    for (std::size_t column = 0; column < columns; ++column) {
      const std::size_t width =
          ranges::max(rows | ranges::views::transform([&](const row& each) { return each[column].size(); }));
      text << (column == 0 ? std::left : std::right) << std::setw(static_cast<int>(width)) << cells[column]
           << (column + 1 < columns ? "  " : "\n");
    }
  }
  return text.str();
}

}  // namespace

std::string fixed(double value, int digits) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << value;
  return text.str();
}

int time_digits(const measurement& reference) { return reference.warm.median() < 1 ? 4 : 2; }

std::string bytes_text(std::size_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  const double kib = static_cast<double>(bytes) / 1024;
  return kib < 1024 ? fixed(kib, 1) + " KiB" : fixed(kib / 1024, 2) + " MiB";
}

std::string table(const comparison& compared) {
  const std::vector<measurement>& results = compared.results;
  std::vector<row> rows{
      {"", "cold", "", "", "warm", "", "", "peak", "upstream", "upstream"},
      {std::string(compared.of), "ms", "spread", "ratio", "ms", "spread", "ratio", "live", "peak", "total"}};
  for (const measurement& result : results) rows.push_back(row_of(result, results.front()));
  const std::size_t rounds = results.front().cold.size();
  std::string text = aligned(rows) + '\n' + std::string(compared.conditions);
  text += "\nMedians of " + std::to_string(rounds) + (rounds == 1 ? " round" : " rounds") +
          "; spread: of the middle half, to the median; ratio: to " + std::string(results.front().name) + ".\n";
  if (ranges::any_of(results, [](const measurement& result) { return result.memory.from_system; })) {
    text += "* committed memory of the system, held when all was built.\n";
  }
  return text;
}

}  // namespace main_job
