#include <allot/adaptor/sampling_guard_resource.hpp>

#include "table_rows.hpp"

namespace allot::config {
namespace {

strategy sampling_entry() {
  using options = sampling_guard_options;
  using placement = guarded_page_options::placement;
  strategy made = entry_for<options>(
      "sampling_guard_resource", "guards one allocation in a few thousand; all others are the upstream's",
      book_keeping::upstream,
      rows<options>()
          .upstream("serves what is not guarded")
          .required()
          .count("rate", &options::rate, "one allocation in so many is guarded; 0: none")
          .count("slots", &options::slots, "most guarded blocks that live at a time")
          .size("largest_bytes", &options::largest_bytes, "of a guarded block")
          .choice<placement>(
              "at", &options::at, "which end of a block touches a guard",
              {{placement::end, "end"}, {placement::start, "start"}, {placement::alternating, "alternating"}})
          .flag("explain_faults", &options::explain_faults, "say on standard error which guarded block a fault is at")
          .count("seed", &options::seed, "of the distances between samples; 0: another every time")
          .name()
          .done());
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    return owning(std::make_shared<sampling_guard_resource>(*from.memory("upstream"), told));
  };
  return made;
}

}  // namespace

std::vector<strategy> adaptor_strategies() { return {sampling_entry()}; }

}  // namespace allot::config
