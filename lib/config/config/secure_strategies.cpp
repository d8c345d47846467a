#include <allot/secure/secure_options.hpp>
#include <allot/secure/secure_resource.hpp>
#include <allot/secure/secure_scratch.hpp>
#include <allot/secure/synchronized_secure_resource.hpp>

#include "table_rows.hpp"

namespace allot::config {
namespace {

const std::vector<word<secure_level>> levels{{secure_level::checked, "checked"},
                                             {secure_level::hardened, "hardened"},
                                             {secure_level::paranoid, "paranoid"},
                                             {secure_level::trap, "trap"}};
const std::vector<word<wish>> wishes{{wish::none, "none"}, {wish::attempt, "attempt"}, {wish::require, "require"}};

constexpr unsigned most_region_bits = sizeof(std::size_t) > 4 ? 35 : 22;

template <class Resource>
strategy secure_entry(std::string_view name, std::string_view doc) {
  using options = secure_options;
  strategy made = entry_for<options>(
      name, doc, book_keeping::own,
      rows<options>()
          .choice<secure_level>("level", &options::level, "values for all options below that are not given", levels)
          .count("region_bits", &options::region_bits, "address space of a region is 2 to this power",
                 {20, most_region_bits})
          .size("quarantine", &options::quarantine, "bytes of freed blocks of one size kept from being used again")
          .count("guard_interval", &options::guard_interval, "slabs between two guards; 0: no guards",
                 {0, std::size_t{1} << 20})
          .size("canary_bytes", &options::canary_bytes, "behind every block, which must not change")
          .of({"0", "8", "16", "32", "64"})
          .flag("random_places", &options::random_places, "blocks at random places of their slab")
          .flag("zero_on_free", &options::zero_on_free, "contents are overwritten with zero when a block is freed")
          .flag("verify_on_allocate", &options::verify_on_allocate, "that they still are when it is used again")
          .choice<wish>("lock", &options::lock, "keep blocks out of swap space", wishes)
          .choice<wish>("no_dump", &options::no_dump, "leave blocks out of core dumps", wishes)
          .choice<fork_policy>(
              "fork", &options::fork, "what becomes of the memory in a forked child",
              {{fork_policy::inherit, "inherit"}, {fork_policy::wipe, "wipe"}, {fork_policy::deny, "deny"}})
          .flag("checked", &options::checked, "also look for use by two threads at once, and honour seed")
          .count("seed", &options::seed, "makes all random choices repeatable; 0: not. For tests")
          .with("checked", "true")
          .name()
          .done());
  made.untold = [](const std::any& is) {
    secure_options plain = completed(options_at(std::any_cast<const options&>(is).level));
    plain.level = secure_options().level;
    return std::any(plain);
  };
  made.object = [](const std::any& is, const node&) -> objection {
    const auto& told = std::any_cast<const options&>(is);
    if (!told.verify_on_allocate.value_or(false) || *completed(told).zero_on_free) return {};
    return {"verify_on_allocate", "has no effect here; it is only with zero_on_free = true, which the level has not"};
  };
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    return owning_with_options<options>(std::make_shared<Resource>(told));
  };
  return made;
}

strategy scratch_entry() {
  using options = secure_scratch_options;
  strategy made = entry_for<options>(
      "secure_scratch", "temporary memory between guards, overwritten with zero when it is given back",
      book_keeping::own,
      rows<options>()
          .size("bytes", &options::bytes, "the most it can hold; rounded up to pages", {1, no_bound})
          .choice<secure_level>("level", &options::level, "from paranoid on, unused pages are inaccessible", levels)
          .choice<wish>("lock", &options::lock, "keep it out of swap space", wishes)
          .choice<wish>("no_dump", &options::no_dump, "leave it out of core dumps", wishes)
          .name()
          .done());
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    return owning_with(std::make_shared<secure_scratch>(told), told,
                       [](options& now, const secure_scratch&) { now.bytes = in_whole_pages(now.bytes); });
  };
  return made;
}

}  // namespace

std::vector<strategy> secure_strategies() {
  return {secure_entry<secure_resource>("secure_resource",
                                        "contains and detects memory corruption, at levels; for one thread"),
          secure_entry<synchronized_secure_resource>("synchronized_secure_resource", "the same for many threads"),
          scratch_entry()};
}

}  // namespace allot::config
