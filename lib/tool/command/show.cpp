#include <algorithm>
#include <command/words.hpp>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <system_error>

#include "command.hpp"
#include "progress.hpp"
#include "show/address_ranges.hpp"
#include "show/shown.hpp"

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
  census counted;
  timeline times;
  address_ranges addresses;
  std::vector<live_blocks::listener*> others{&times};
  if (!wishes.html.empty()) others.push_back(&addresses);
  {
    const progress bar(context, "reading " + wishes.trace);
    counted.read(trace, others);
  }
  if (counted.events == 0 && !wishes.resource.empty())
    throw std::invalid_argument("no event is of a resource \"" + printable(wishes.resource) + "\"");

  findings found{wishes, trace, counted, times};
  heap_at heap;
  if (wishes.when) {
    live_blocks::listener nobody;
    follow_to(*wishes.when, trace, {counted.events, counted.peak.index, counted.last_nanoseconds}, heap, nobody);
    found.heap = &heap;
  }
  if (context.json)
    context.out << json_text(facts_of(found)) << '\n';
  else
    print(context.out, found, context.colours);
  if (wishes.html.empty()) return;
  write_to(wishes.html, context.out, wishes.trace, [&](std::ostream& out) { write_page(out, found, addresses); });
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
