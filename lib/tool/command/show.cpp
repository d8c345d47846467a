#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <stdexcept>

#include "output.hpp"
#include "progress.hpp"
#include "show/address_ranges.hpp"
#include "show/shown.hpp"
#include "subcommands.hpp"
#include "words.hpp"

namespace allot::tool {
namespace {

void print(std::ostream& out, const findings& found, bool colours) {
  const show_wishes& wishes = found.wishes;
  print_summary(out, found);
  if (wishes.nothing_special()) print_resources(out, found);
  if (wishes.histogram) print_histogram(out, found);
  if (wishes.lifetimes) print_lifetimes(out, found);
  if (wishes.tags) print_tags(out, found);
  if (wishes.stacks != 0) print_stacks(out, found);
  if (found.heap != nullptr) print_heap(out, found, colours);
}

}  // namespace

void show_trace(const show_wishes& wishes, command_context& context) {
  recording trace(wishes.trace, wishes.resource);
  std::optional<output_file> page;
  if (!wishes.html.empty()) page.emplace(wishes.html, wishes.trace);
  census counted;
  timeline times;
  address_ranges addresses;
  std::vector<live_blocks::listener*> others{&times};
  if (page) others.push_back(&addresses);
  const auto with_bar = [&](const char* what, auto work) {
    progress bar(context, what + wishes.trace);
    trace.tell(&bar);
    work();
    trace.tell(nullptr);
  };
  with_bar("reading ", [&] { counted.read(trace, others); });
  if (counted.events == 0 && !wishes.resource.empty())
    throw std::invalid_argument("no event is of a resource \"" + printable(wishes.resource) + "\"");

  findings found{wishes, trace, counted, times};
  heap_at heap;
  if (wishes.when) {
    live_blocks::listener nobody;
    const trace_extent extent{counted.events, counted.peak.index, counted.last_nanoseconds};
    with_bar("following ", [&] { follow_to(*wishes.when, trace, extent, heap, nobody); });
    found.heap = &heap;
  }
  if (page) {
    with_bar("drawing ", [&] { write_page(page->stream(), found, addresses); });
    page->commit();
  }
  if (context.json)
    write_json(context, facts_of(found));
  else
    print(context.out, found, context.colours);
}

}  // namespace allot::tool
