#include <allot/arena/chained_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scratch_pair.hpp>

#include "table_rows.hpp"

namespace allot::config {
namespace {

strategy monotonic_entry() {
  using options = monotonic_arena_options;
  strategy made = entry_for<options>(
      "monotonic_arena", "allocates by moving a pointer through one range of memory, which is all there is",
      book_keeping::own,
      rows<options>()
          .upstream("where the one block comes from; without it an own reservation")
          .size("size", &options::size, "of the range; 0: 1 GiB of addresses, or 64 KiB from an upstream")
          .size("page_size", &options::page_size, "of an own reservation: of what its commits are multiples",
                {0, std::size_t{1} << 30})
          .without("upstream")
          .flag("huge_pages", &options::huge_pages, "of an own reservation: advise the system to use huge pages")
          .without("upstream")
          .size("auto_align", &options::auto_align, "of pushes that give none; \"natural\": as the size has it")
          .power_of_two()
          .or_word("natural", arena::natural)
          .name()
          .flag("checked", &options::checked, "find misuse exactly, at once")
          .done());
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    told.upstream = from.memory("upstream");
    return owning_with(std::make_shared<monotonic_arena>(told), told, [](options& now, const monotonic_arena&) {
      if (now.upstream != nullptr) return;
      now.page_size = now.page_size != 0 ? in_whole_pages(now.page_size) : 0;
      const std::size_t page = now.page_size != 0 ? now.page_size : in_whole_pages(1);
      if (now.size != 0) now.size = (now.size - 1) / page * page + page;
    });
  };
  return made;
}

strategy chained_entry() {
  using options = chained_arena_options;
  strategy made = entry_for<options>(
      "chained_arena", "an arena that grows by blocks in a chain; for whatever is built up and thrown away together",
      book_keeping::own,
      rows<options>()
          .upstream("where blocks come from; without it the default resource")
          .without("virtual_blocks")
          .size("first_block", &options::first_block, "of the first block", {128, no_bound})
          .without("virtual_blocks")
          .count("growth_percent", &options::growth_percent, "each block is this much of the one before",
                 {100, std::numeric_limits<unsigned>::max()})
          .without("virtual_blocks")
          .size("largest_block", &options::largest_block, "where growth stops", {128, no_bound})
          .without("virtual_blocks")
          .size("limit", &options::limit, "most bytes held at a time", {64, no_bound})
          .or_word("unlimited")
          .count("retained_blocks", &options::retained_blocks, "most blocks kept when nothing is left in them")
          .or_word("unlimited")
          .size("retained_bytes", &options::retained_bytes, "most bytes kept when the arena is empty again")
          .or_word("unlimited")
          .flag("virtual_blocks", &options::virtual_blocks, "blocks from the system: reserved whole, committed as used")
          .size("reserve", &options::reserve, "address space of one virtual block", {1, no_bound})
          .flag("huge_pages", &options::huge_pages, "of virtual blocks: advise the system to use huge pages")
          .with("virtual_blocks", "true")
          .name()
          .flag("checked", &options::checked, "find misuse exactly, at once")
          .done());
  made.untold = [](const std::any&) { return std::any(chained_arena().options()); };
  made.object = [](const std::any& is, const node& table) -> objection {
    const auto& told = std::any_cast<const options&>(is);
    return objection_to_order(told.first_block, told.largest_block, table, "first_block", "largest_block");
  };
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    told.upstream = from.memory("upstream");
    return owning_with_options<options>(std::make_shared<chained_arena>(told));
  };
  return made;
}

strategy scratch_entry() {
  using options = scratch_options;
  strategy made =
      entry_for<options>("scratch_pair", "two arenas for temporary memory", book_keeping::own,
                         rows<options>()
                             .upstream("of the arenas; without it address space of their own")
                             .size("reserve", &options::reserve,
                                   "address space an arena takes at a time, where it has its own", {1, no_bound})
                             .without("upstream")
                             .size("retained", &options::retained, "most bytes an arena keeps when its last scope ends")
                             .name()
                             .flag("checked", &options::checked, "find misuse exactly, at once")
                             .done());
  made.make = [](const std::any& is, const making& from) {
    auto told = std::any_cast<options>(is);
    told.name = from.name;
    told.upstream = from.memory("upstream");
    return owning(std::make_shared<scratch_pair>(told));
  };
  return made;
}

}  // namespace

std::vector<strategy> arena_strategies() { return {monotonic_entry(), chained_entry(), scratch_entry()}; }

}  // namespace allot::config
