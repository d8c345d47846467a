#include <algorithm>
#include <allot/trace/compare.hpp>
#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include "figures.hpp"

namespace allot {
namespace {

using comparing::bytes_text;
using comparing::decimals;
using comparing::time_text;

struct column {
  std::string title;
  int rank;  // columns of higher ranks are left out first
  std::vector<std::string> cells;

  std::size_t width() const {
    std::size_t most = title.size();
    for (const std::string& cell : cells) most = std::max(most, cell.size());
    return most;
  }
};

std::vector<column> columns_of(const std::vector<comparison>& rows) {
  const auto any = [&](auto what) { return std::any_of(rows.begin(), rows.end(), what); };
  double best = 0;
  for (const comparison& row : rows)
    if (best == 0 || row.seconds < best) best = row.seconds;
  std::vector<column> made;
  const auto add = [&](const char* title, int rank, auto cell) {
    made.push_back({title, rank, {}});
    for (const comparison& row : rows) made.back().cells.push_back(cell(row));
  };
  const auto of_memory = [](auto cell) {
    return [cell](const comparison& row) { return row.result.peak_committed != 0 ? cell(row.result) : "-"; };
  };
  const auto percent = [](double share) { return decimals(share * 100, 0) + " %"; };

  add("ms", 0, [](const comparison& row) { return decimals(row.seconds * 1e3, 2); });
  add("of best", 0, [&](const comparison& row) { return decimals(best != 0 ? row.seconds / best : 1, 2); });
  add("spread", 1,
      [&](const comparison& row) { return percent(row.seconds != 0 ? (row.slowest - row.fastest) / row.seconds : 0); });
  add("peak", 0, of_memory([](const replay_result& of) { return bytes_text(of.peak_committed); }));
  add("waste", 2, of_memory([&](const replay_result& of) { return percent(of.waste()); }));
  add("frag.", 3, of_memory([&](const replay_result& of) { return percent(of.fragmentation); }));
  add("near", 4, [&](const comparison& row) { return percent(row.result.neighbours); });
  if (any([](const comparison& row) { return row.result.latency.calls != 0; }))
    add("99.9 %", 0,
        [](const comparison& row) { return row.result.latency.calls != 0 ? time_text(row.result.latency.p999) : "-"; });
  add("refused", 0, [](const comparison& row) { return std::to_string(row.result.refused); });
  if (any([](const comparison& row) { return row.result.damaged != 0; }))
    add("damaged", 0, [](const comparison& row) { return std::to_string(row.result.damaged); });
  return made;
}

}  // namespace

void print(std::ostream& out, const std::vector<comparison>& rows) {
  constexpr std::size_t most = 100;
  std::vector<column> columns = columns_of(rows);
  std::size_t name_width = 9;
  for (const comparison& row : rows) name_width = std::max(name_width, row.name.size());
  const auto width = [&] {
    std::size_t sum = name_width;
    for (const column& each : columns) sum += 2 + each.width();
    return sum;
  };
  while (width() > most) {
    const auto least = std::max_element(columns.begin(), columns.end(),
                                        [](const column& a, const column& b) { return a.rank < b.rank; });
    if (least->rank == 0) break;
    columns.erase(least);
  }
  const auto line = [&](std::string name, auto cell_of) {
    name.resize(name_width, ' ');
    out << name;
    for (const column& each : columns) {
      const std::string& cell = cell_of(each);
      out << std::string(2 + each.width() - cell.size(), ' ') << cell;
    }
    out << '\n';
  };
  line("candidate", [](const column& each) -> const std::string& { return each.title; });
  for (std::size_t i = 0; i < rows.size(); ++i)
    line(rows[i].name, [i](const column& each) -> const std::string& { return each.cells[i]; });
}

}  // namespace allot
