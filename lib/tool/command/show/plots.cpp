// Histograms and plots, for people: in ASCII, 80 characters wide.

#include <algorithm>
#include <allot/inspect/heap_picture.hpp>
#include <command/words.hpp>
#include <ostream>

#include "heap_map.hpp"
#include "shown.hpp"

namespace allot::tool {
namespace {

constexpr std::size_t bar_width = 48;
constexpr std::size_t commonest_shown = 16;

void bar(std::ostream& out, const std::string& label, std::uint64_t count, std::uint64_t most) {
  const double part = static_cast<double>(count) / static_cast<double>(most);
  const auto length = count == 0 ? 0 : std::max<std::size_t>(1, static_cast<std::size_t>(part * bar_width + 0.5));
  out << "  " << std::string(label.size() < 12 ? 12 - label.size() : 0, ' ') << label << "  "
      << std::string(length, '#') << (length != 0 ? " " : "") << count << '\n';
}

/// Of powers of two, from the first to the last that has any.
template <class Label>
void bars(std::ostream& out, const counts_by_power& counts, Label label) {
  const auto any = [](std::uint64_t count) { return count != 0; };
  const auto first = std::find_if(counts.begin(), counts.end(), any);
  if (first == counts.end()) {
    out << "  (none)\n";
    return;
  }
  const auto end = std::find_if(counts.rbegin(), counts.rend(), any).base();
  const std::uint64_t most = *std::max_element(first, end);
  for (auto at = first; at != end; ++at) bar(out, label(static_cast<std::size_t>(at - counts.begin())), *at, most);
}

/// "0" for what is below 2, which power_of() does not tell apart.
template <class Text>
std::string from_power(std::size_t power, Text text) {
  return text(power == 0 ? 0 : std::uint64_t{1} << power);
}

void plot(std::ostream& out, const std::vector<std::uint64_t>& heights, std::uint64_t end) {
  constexpr std::size_t lines = 12;
  const std::uint64_t most = heights.empty() ? 0 : *std::max_element(heights.begin(), heights.end());
  if (most == 0) {
    out << "  (nothing lived)\n";
    return;
  }
  for (std::size_t line = lines; line-- > 0;) {
    const std::string label = line + 1 == lines ? bytes_text(most) : line + 1 == lines / 2 ? bytes_text(most / 2) : "";
    out << "  " << std::string(label.size() < 12 ? 12 - label.size() : 0, ' ') << label << " |";
    std::string row;
    for (const std::uint64_t height : heights)
      row += static_cast<double>(height) / static_cast<double>(most) * lines > static_cast<double>(line) ? '#' : ' ';
    row.erase(row.find_last_not_of(' ') + 1);
    out << row << '\n';
  }
  out << std::string(15, ' ') << '+' << std::string(heights.size(), '-') << '\n';
  const std::string last = time_text(end);
  out << std::string(15, ' ') << "0"
      << std::string(heights.size() > last.size() ? heights.size() - last.size() : 1, ' ') << last << '\n';
}

}  // namespace

void print_histogram(std::ostream& out, const findings& found) {
  const census& counted = found.counted;
  out << "\nblocks by size, from the power of two named\n";
  bars(out, counted.sizes, [](std::size_t power) { return from_power(power, bytes_text); });
  const std::vector<trace_profile::size> commonest = counted.exact_sizes.commonest(commonest_shown);
  if (commonest.empty()) return;
  out << "the commonest of " << count_text(counted.exact_sizes.sizes(), "size") << '\n';
  for (const trace_profile::size& each : commonest)
    bar(out, std::to_string(each.bytes), each.blocks, commonest[0].blocks);
  if (counted.exact_sizes.others() != 0)
    out << "  " << count_text(counted.exact_sizes.others(), "block")
        << " of yet other sizes, which came later and were not told apart\n";
}

void print_lifetimes(std::ostream& out, const findings& found) {
  const census& counted = found.counted;
  out << "\nblocks by life time, from the power of two in nanoseconds named\n";
  bars(out, counted.life_times, [](std::size_t power) { return from_power(power, time_text); });
  out << "  " << count_text(counted.all.live_blocks, "block") << " lived at the end\n";
  constexpr std::size_t plot_width = 60;
  out << "\nbytes that live, over time\n";
  plot(out, found.times.most_live(plot_width), counted.last_nanoseconds);
}

void print_heap(std::ostream& out, const findings& found, bool colours) {
  const heap_at& at = *found.heap;
  out << "\nthe heap after " << count_text(at.events, "event");
  if (at.events != 0) out << ", the last of them number " << at.order << " after " << time_text(at.nanoseconds);
  out << '\n';
  text_picture_options options;
  options.width = 80;
  options.colours = colours ? picture_colours::always : picture_colours::never;
  const auto& resources = found.counted.resources;
  const std::string name = resources.size() == 1 ? found.trace.resource(resources.begin()->first) : "all resources";
  write_text(out, map_of(at, name), options);
}

}  // namespace allot::tool
