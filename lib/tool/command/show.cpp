#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <stdexcept>

#include "command.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "show/address_ranges.hpp"
#include "show/shown.hpp"
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

void show(const show_wishes& wishes, command_context& context) {
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

}  // namespace

void add_show(CLI::App& app, command_context& context) {
  const auto wishes = std::make_shared<show_wishes>();
  CLI::App* const sub = app.add_subcommand("show", "says what is in a trace, as figures, plots and pictures");
  sub->add_option("trace", wishes->trace, "a trace file")->type_name("TRACE")->required();
  sub->add_flag("--histogram", wishes->histogram, "how many blocks there are of which size");
  sub->add_flag("--lifetimes", wishes->lifetimes, "how long blocks live, and how many bytes live when");
  sub->add_option_function<std::string>(
         "--at", [wishes](const std::string& text) { wishes->when = moment::from(text); },
         "the heap at a moment: the number of an event, 50%, a time such as 1.5s or 20ms, peak, or end")
      ->type_name("MOMENT");
  sub->add_flag("--tags", wishes->tags, "what the program was doing when it allocated");
  sub->add_option("--stacks", wishes->stacks, "the N call stacks with the most bytes at the peak and most allocations")
      ->type_name("N")
      ->check(CLI::Range(1, 1000000));
  sub->add_option("--resource", wishes->resource, "looks at nothing but this resource")->type_name("NAME");
  sub->add_option("--html", wishes->html, "writes a page to explore in a browser, too")->type_name("FILE");
  sub->callback([wishes, &context] { show(*wishes, context); });
}

}  // namespace allot::tool
