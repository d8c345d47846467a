// What was found in a trace, as JSON.

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <command/words.hpp>
#include <nlohmann/json.hpp>

#include "heap_map.hpp"
#include "shown.hpp"

namespace allot::tool {
namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t parts_of_time = 256;
constexpr std::size_t cells_of_heap = 512;
constexpr std::size_t commonest_told = 64;

void add(json& to, const memory_use& use) {
  to["allocations"] = use.allocations;
  to["bytes"] = use.bytes;
  to["ended"] = use.ended;
  to["peak"] = use.peak;
  to["at_peak"] = {{"blocks", use.blocks_at_peak}, {"bytes", use.at_peak}};
  to["at_end"] = {{"blocks", use.live_blocks}, {"bytes", use.live}};
}

json of_trace(const findings& found) {
  const trace_summary& is = found.trace.summary();
  json damage = json::array();
  for (const trace_damage& each : found.trace.damage())
    damage.push_back({{"offset", each.offset}, {"bytes", each.bytes}, {"problem", each.problem}});
  return {{"file", printable(found.wishes.trace)},
          {"program", printable(is.program)},
          {"started", date_text(is.started)},
          {"started_nanoseconds", is.started},
          {"nanoseconds", found.counted.last_nanoseconds},
          {"address_bits", is.address_bits},
          {"events", found.counted.events},
          {"threads", found.counted.threads.size()},
          {"dropped", is.dropped},
          {"mended", found.counted.mended},
          {"complete", is.complete},
          {"damage", damage}};
}

json of_resources(const findings& found, const table_limits& limits) {
  json all = json::array();
  for (const std::uint32_t number : by_bytes(found.counted.resources)) {
    if (all.size() == limits.rows) break;
    const resource_use& of = found.counted.resources.at(number);
    json one{{"name", cut(found.trace.resource(number), limits.name_bytes)}};
    add(one, of.use);
    one["freed"] = of.freed;
    one["given_up"] = of.given_up;
    one["resized"] = of.resized;
    one["refused"] = of.refused;
    one["grown"] = of.grown;
    one["grown_bytes"] = of.grown_bytes;
    one["trimmed_bytes"] = of.trimmed_bytes;
    one["average_life_time"] = of.average_life_time();
    one["traits"] = traits_of(of.profile);
    all.push_back(std::move(one));
  }
  return all;
}

json of_powers(const counts_by_power& counts) {
  json all = json::array();
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] != 0) all.push_back({{"from", i == 0 ? 0 : std::uint64_t{1} << i}, {"blocks", counts[i]}});
  return all;
}

json of_sizes(const census& counted) {
  json commonest = json::array();
  for (const trace_profile::size& each : counted.exact_sizes.commonest(commonest_told))
    commonest.push_back({{"bytes", each.bytes}, {"blocks", each.blocks}});
  return {{"by_power_of_two", of_powers(counted.sizes)},
          {"sizes", counted.exact_sizes.sizes()},
          {"commonest", commonest},
          {"blocks_of_other_sizes", counted.exact_sizes.others()}};
}

json of_times(const findings& found) {
  const std::vector<std::uint64_t> all = found.times.most_live(parts_of_time);
  json by_resource = json::object();
  for (const std::uint32_t number : by_bytes(found.counted.resources)) {
    const std::vector<std::uint64_t> one = found.times.most_live(number, parts_of_time);
    if (!one.empty() && by_resource.size() < 8) by_resource[cut(found.trace.resource(number), 200)] = one;
  }
  const double length = static_cast<double>(found.times.stretches()) * static_cast<double>(found.times.stretch());
  return {{"nanoseconds_each", all.empty() ? 0 : length / static_cast<double>(all.size())},
          {"most_live", all},
          {"by_resource", by_resource}};
}

json of_tags(const findings& found, const table_limits& limits) {
  json all = json::array();
  for (const std::uint32_t number : by_bytes(found.counted.tags)) {
    if (all.size() == limits.rows) break;
    json one{{"name", cut(found.trace.tag(number), limits.name_bytes)}};
    add(one, found.counted.tags.at(number));
    all.push_back(std::move(one));
  }
  return all;
}

json of_stacks(const findings& found, const table_limits& limits) {
  const leading_stacks stacks = leading(found.counted, found.wishes.stacks);
  const auto told = [&](const std::vector<std::uint32_t>& numbers) {
    json all = json::array();
    for (const std::uint32_t number : numbers) {
      json one{{"stack", cut(found.trace.stack(number), limits.stack_bytes)}};
      add(one, found.counted.stacks.at(number));
      all.push_back(std::move(one));
    }
    return all;
  };
  return {{"most_at_peak", told(stacks.at_peak)}, {"most_allocations", told(stacks.allocations)}};
}

json of_heap(const heap_at& at, const std::string& name) {
  const heap_map whole = map_of(at, name);
  const heap_map map = whole.coarser(cells_of_heap);
  json cells = json::array();
  for (const heap_cell& cell : map.cells()) {
    const heap_share used = cell.shares.sum();
    cells.push_back({{"address", hex_text(address_of(cell.begin))},
                     {"span", cell.span},
                     {"blocks", used.blocks},
                     {"bytes", used.bytes}});
  }
  return {{"events", at.events},        {"order", at.order},        {"nanoseconds", at.nanoseconds},
          {"blocks", at.live.blocks()}, {"bytes", at.live.bytes()}, {"cells", cells}};
}

}  // namespace

nlohmann::ordered_json facts_of(const findings& found, const table_limits& limits) {
  const census& counted = found.counted;
  json facts{{"trace", of_trace(found)}};
  add(facts["all"], counted.all);
  facts["peak"] = {{"event", counted.peak.order},
                   {"nanoseconds", counted.peak.nanoseconds},
                   {"blocks", counted.all.blocks_at_peak},
                   {"bytes", counted.all.peak}};
  facts["resources"] = of_resources(found, limits);
  if (found.wishes.histogram) facts["histogram"] = of_sizes(counted);
  if (found.wishes.lifetimes) {
    facts["life_times"] = of_powers(counted.life_times);
    facts["live_bytes"] = of_times(found);
  }
  if (found.wishes.tags) facts["tags"] = of_tags(found, limits);
  if (found.wishes.stacks != 0) facts["stacks"] = of_stacks(found, limits);
  if (found.heap != nullptr) facts["heap"] = of_heap(*found.heap, found.wishes.resource);
  return facts;
}

}  // namespace allot::tool
