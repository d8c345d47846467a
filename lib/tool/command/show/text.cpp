// Summary and tables, for people.

#include <algorithm>
#include <command/words.hpp>
#include <ostream>

#include "shown.hpp"

namespace allot::tool {
namespace {

/// More rows than that are for --json.
constexpr std::size_t most_rows = 20;
constexpr std::size_t longest_name = 200;

void row(std::ostream& out, std::string_view name, const std::string& value) {
  out << "  " << name << std::string(12 - name.size(), ' ') << value << '\n';
}

void tell_rest(std::ostream& out, std::size_t all, std::string_view of) {
  if (all > most_rows) out << "and " << count_text(all - most_rows, std::string("more ").append(of)) << '\n';
}

std::string blocks_text(std::uint64_t blocks, std::uint64_t bytes) {
  return bytes_text(bytes) + " in " + count_text(blocks, "block");
}

void print_resource(std::ostream& out, const std::string& name, const resource_use& of) {
  const memory_use& use = of.use;
  out << '\n' << cut(name, longest_name) << '\n';
  row(out, "allocations",
      std::to_string(use.allocations) + " of " + bytes_text(use.bytes) + " together, " + std::to_string(of.refused) +
          " refused");
  std::string ends = std::to_string(of.freed) + " freed";
  if (of.given_up != 0) ends += ", " + std::to_string(of.given_up) + " given up with others at once";
  if (of.resized != 0) ends += ", resized " + count_text(of.resized, "time") + " in place";
  row(out, "blocks", ends);
  if (of.grown != 0 || of.trimmed_bytes != 0)
    row(out, "upstream",
        "got " + bytes_text(of.grown_bytes) + " in " + count_text(of.grown, "piece") + ", gave back " +
            bytes_text(of.trimmed_bytes));
  row(out, "peak", bytes_text(use.peak));
  row(out, "at the end",
      use.live_blocks == 0 ? "nothing lives" : blocks_text(use.live_blocks, use.live) + ": leaked, or still needed");
  row(out, "life time",
      use.ended == 0
          ? "no block ended"
          : time_text(static_cast<std::uint64_t>(of.average_life_time())) + " on average of the blocks that ended");
  std::string_view label = "traits";
  for (const std::string& trait : traits_of(of.profile)) {
    row(out, label, trait);
    label = "";
  }
}

void print_uses_head(std::ostream& out) { out << "   allocations         bytes   at the peak    at the end  "; }

void print_use(std::ostream& out, const memory_use& use) {
  const auto cell = [&](const std::string& text) {
    out << std::string(text.size() < 14 ? 14 - text.size() : 0, ' ') << text;
  };
  cell(std::to_string(use.allocations));
  cell(bytes_text(use.bytes));
  cell(bytes_text(use.at_peak));
  cell(bytes_text(use.live));
  out << "  ";
}

}  // namespace

void print_summary(std::ostream& out, const findings& found) {
  const census& counted = found.counted;
  const trace_summary& trace = found.trace.summary();
  out << printable(found.wishes.trace);
  if (!trace.program.empty()) out << ": " << cut(printable(trace.program), longest_name);
  out << '\n';
  row(out, "recorded", date_text(trace.started) + ", for " + time_text(counted.last_nanoseconds));
  row(out, "events",
      std::to_string(counted.events) + " by " + count_text(counted.threads.size(), "thread") +
          (counted.threads.size() == census::most_threads ? " at least" : ""));
  const auto tags = static_cast<std::uint64_t>(
      std::count_if(counted.tags.begin(), counted.tags.end(), [](const auto& each) { return each.first != 0; }));
  row(out, "of", count_text(counted.resources.size(), "resource") + ", " + count_text(tags, "tag"));
  if (!found.wishes.resource.empty()) row(out, "only", "resource " + printable(found.wishes.resource));
  row(out, "peak",
      counted.peak.index == 0
          ? "no byte ever lived"
          : blocks_text(counted.all.blocks_at_peak, counted.all.peak) + ", at event " +
                std::to_string(counted.peak.order) + " after " + time_text(counted.peak.nanoseconds));
  row(out, "at the end",
      counted.all.live_blocks == 0 ? "nothing lives" : blocks_text(counted.all.live_blocks, counted.all.live));
  if (counted.mended != 0)
    row(out, "mended", count_text(counted.mended, "event") + " that make no sense without others that are not there");
  const bool whole = found.trace.damage().empty() && trace.dropped == 0 && trace.complete;
  row(out, "complete", whole ? "yes" : "no");
  if (!whole) tell_damage(out, found.trace);
}

void print_resources(std::ostream& out, const findings& found) {
  const std::vector<std::uint32_t> numbers = by_bytes(found.counted.resources);
  for (std::size_t i = 0; i < std::min(most_rows, numbers.size()); ++i)
    print_resource(out, found.trace.resource(numbers[i]), found.counted.resources.at(numbers[i]));
  if (numbers.size() > most_rows) out << '\n';
  tell_rest(out, numbers.size(), "resource");
}

void print_tags(std::ostream& out, const findings& found) {
  out << "\nby tag\n";
  const std::vector<std::uint32_t> numbers = by_bytes(found.counted.tags);
  if (numbers.empty()) {
    out << "  (no block was allocated)\n";
    return;
  }
  print_uses_head(out);
  out << "tag\n";
  for (std::size_t i = 0; i < std::min(most_rows, numbers.size()); ++i) {
    print_use(out, found.counted.tags.at(numbers[i]));
    out << (numbers[i] == 0 ? "(no tag)" : cut(found.trace.tag(numbers[i]), longest_name)) << '\n';
  }
  tell_rest(out, numbers.size(), "tag");
}

void print_stacks(std::ostream& out, const findings& found) {
  const leading_stacks stacks = leading(found.counted, found.wishes.stacks);
  const auto print = [&](std::string_view title, const std::vector<std::uint32_t>& numbers) {
    out << '\n' << title << '\n';
    if (numbers.empty()) out << "  (none: no call stack was recorded, or nothing lived)\n";
    for (const std::uint32_t number : numbers) {
      const memory_use& use = found.counted.stacks.at(number);
      out << bytes_text(use.at_peak) << " live at the peak in " << count_text(use.blocks_at_peak, "block") << ", "
          << count_text(use.allocations, "allocation") << " of " << bytes_text(use.bytes) << " together, "
          << bytes_text(use.live) << " live at the end\n";
      std::string text = found.trace.stack(number);
      if (text.empty() || text.back() != '\n') text += '\n';
      out << text;
    }
  };
  print("call stacks with the most bytes at the peak", stacks.at_peak);
  print("call stacks with the most allocations", stacks.allocations);
}

}  // namespace allot::tool
