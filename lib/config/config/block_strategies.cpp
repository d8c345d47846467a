#include <allot/block/guarded_page_resource.hpp>
#include <allot/block/memory_budget.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/block/reserving_resource.hpp>

#include "table_rows.hpp"

namespace allot::config {
namespace {

strategy page_entry() {
  using options = page_resource_options;
  strategy made = entry_for<options>(
      "page_resource", "pages from the system, every block a mapping of its own: an upstream for arenas and pools",
      book_keeping::own,
      rows<options>()
          .flag("huge_pages", &options::huge_pages,
                "align large blocks to huge pages and advise the system to use such")
          .name()
          .done());
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    return owning(std::make_shared<page_resource>(told));
  };
  return made;
}

strategy guarded_page_entry() {
  using options = guarded_page_options;
  using placement = options::placement;
  strategy made = entry_for<options>(
      "guarded_page_resource", "every block on pages of its own between guards: finds overruns and use after free",
      book_keeping::own,
      rows<options>()
          .choice<placement>(
              "at", &options::at, "which end of a block touches a guard",
              {{placement::end, "end"}, {placement::start, "start"}, {placement::alternating, "alternating"}})
          .count("quarantine_blocks", &options::quarantine_blocks, "most freed blocks kept inaccessible")
          .without("slots")
          .size("quarantine_bytes", &options::quarantine_bytes, "most address space they take, guards included")
          .without("slots")
          .flag("explain_faults", &options::explain_faults, "say on standard error which block a fault is at")
          .flag("record_stacks", &options::record_stacks, "remember where each block was allocated and freed")
          .count("slots", &options::slots,
                 "most blocks at a time, all in one range of addresses; 0: no bound, anywhere",
                 {0, std::uint64_t{1} << 32})
          .size("slot_bytes", &options::slot_bytes, "with slots: the largest block; rounded up to pages")
          .name()
          .done());
  made.object = [](const std::any& is, const node& table) -> objection {
    const auto& told = std::any_cast<const options&>(is);
    if ((told.slots == 0) != (told.slot_bytes == 0))
      return {told.slots != 0 ? "slots" : "slot_bytes",
              "is of no use alone: slots and slot_bytes must be given together"};
    return objection_to_slots(told.slots, told.slot_bytes, table, "slot_bytes");
  };
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    return owning_with(
        std::make_shared<guarded_page_resource>(told), told,
        [](options& now, const guarded_page_resource&) { now.slot_bytes = in_whole_pages(now.slot_bytes); });
  };
  return made;
}

strategy reserving_entry() {
  using options = reserving_resource_options;
  strategy made = entry_for<options>(
      "reserving_resource", "address space that is committed as it is needed: for what grows in place",
      book_keeping::reserved,
      rows<options>()
          .size("reservation", &options::reservation, "address space of a reservation that is told no size",
                {1, no_bound})
          .choice<commit_policy>("policy", &options::policy, "how far to commit ahead of use",
                                 {{commit_policy::ladder, "ladder"},
                                  {commit_policy::fixed_step, "fixed_step"},
                                  {commit_policy::doubling, "doubling"}})
          .size("fixed_step", &options::fixed_step, "the step of policy fixed_step", {1, no_bound})
          .with("policy", "fixed_step")
          .flag("huge_pages", &options::huge_pages, "align to huge pages and advise the system to use such")
          .count("cached_ranges", &options::cached_ranges, "most ranges kept for reuse", {0, range_cache::most_ranges})
          .size("cached_bytes", &options::cached_bytes, "most committed bytes in them")
          .name()
          .done());
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    return owning(std::make_shared<reserving_resource>(told));
  };
  return made;
}

struct slice_options {
  std::size_t bytes = 0;
  std::size_t alignment = alignof(std::max_align_t);
  budget_part part = budget_part::permanent;
};

strategy slice_entry() {
  strategy made = entry_for<slice_options>(
      "budget_slice", "a named part of a budget, of so many bytes", book_keeping::own,
      rows<slice_options>()
          .link("budget", option_kind::budget, "whose part it is")
          .required()
          .size("bytes", &slice_options::bytes, "of the slice", {1, no_bound})
          .required()
          .size("alignment", &slice_options::alignment, "of its first byte", {1, std::size_t{1} << 30})
          .power_of_two()
          .choice<budget_part>("part", &slice_options::part, "of which region; transient ones end with the frame",
                               {{budget_part::permanent, "permanent"}, {budget_part::transient, "transient"}})
          .name()
          .done());
  made.make = [](const std::any& is, const making& from) {
    const auto& told = std::any_cast<const slice_options&>(is);
    memory_budget& whole = *from.budget("budget");
    return owning(std::make_shared<budget_slice>(told.part == budget_part::transient
                                                     ? whole.transient(from.name, told.bytes, told.alignment)
                                                     : whole.permanent(from.name, told.bytes, told.alignment)));
  };
  return made;
}

strategy budget_entry() {
  using options = memory_budget_options;
  strategy made = entry_for<options>(
      "memory_budget", "what the program may use, had from the start; resources take parts of it as budget_slice",
      book_keeping::none,
      rows<options>()
          .size("permanent", &options::permanent, "for what stays as long as the budget; rounded up to pages")
          .example("\"64KiB\"")
          .size("transient", &options::transient, "for what goes with the frame or scene; rounded up to pages")
          .flag("huge_pages", &options::huge_pages, "advise the system to back both regions with huge pages")
          .without("parent")
          .flag("prefault", &options::prefault, "back every page with memory at the start")
          .without("parent")
          .flag("check_available", &options::check_available, "refuse to start with more than the system has left")
          .without("parent")
          .choice<overflow_action>("on_overflow", &options::on_overflow, "what becomes of what does not fit",
                                   {{overflow_action::throw_error, "throw_error"},
                                    {overflow_action::fall_back, "fall_back"},
                                    {overflow_action::abort, "abort"}})
          .link("fallback", option_kind::resource, "serves what does not fit; without it the default resource")
          .with("on_overflow", "fall_back")
          .link("parent", option_kind::budget, "takes both regions from that budget's permanent one")
          .flag("checked", &options::checked, "find misuse of the slices at once")
          .name()
          .done());
  made.object = [](const std::any& is, const node&) -> objection {
    const auto& told = std::any_cast<const options&>(is);
    if (told.permanent != 0 || told.transient != 0) return {};
    return {"permanent", "and transient are both 0: there is nothing to take parts of"};
  };
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    told.fallback = from.memory("fallback");
    memory_budget* const parent = from.budget("parent");
    auto whole =
        parent != nullptr ? std::make_shared<memory_budget>(*parent, told) : std::make_shared<memory_budget>(told);
    product result;
    result.budget = whole.get();
    result.options_in_force = [told, of = whole.get()] {
      options now = told;
      now.permanent = of->permanent_region().size;
      now.transient = of->transient_region().size;
      return std::any(now);
    };
    result.owner = std::move(whole);
    return result;
  };
  return made;
}

}  // namespace

const strategy& budget_strategy() {
  static const strategy entry = budget_entry();
  return entry;
}

std::vector<strategy> block_strategies() {
  return {page_entry(), guarded_page_entry(), reserving_entry(), slice_entry()};
}

}  // namespace allot::config
