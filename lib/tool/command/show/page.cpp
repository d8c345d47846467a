#include <algorithm>
#include <cmath>
#include <command/words.hpp>
#include <nlohmann/json.hpp>
#include <ostream>
#include <vector>

#include "address_ranges.hpp"
#include "page_parts.hpp"
#include "raster.hpp"
#include "shown.hpp"

namespace allot::tool {
namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t most_moments = 160;

/// After which events the heap is drawn: evenly over all, at the peak, and at the end.
std::vector<std::uint64_t> moments_of(const census& counted) {
  std::vector<std::uint64_t> after;
  const double step = static_cast<double>(counted.events) / static_cast<double>(most_moments);
  for (std::size_t i = 1; i <= most_moments; ++i)
    after.push_back(std::min(counted.events, static_cast<std::uint64_t>(std::llround(static_cast<double>(i) * step))));
  after.push_back(counted.peak.index);
  after.push_back(counted.events);
  std::sort(after.begin(), after.end());
  after.erase(std::unique(after.begin(), after.end()), after.end());
  if (!after.empty() && after.front() == 0) after.erase(after.begin());
  return after;
}

json heaps_of(const findings& found, const address_ranges& addresses) {
  std::vector<std::uint32_t> layers = by_bytes(found.counted.resources);
  layers.resize(std::min(layers.size(), raster::most_layers));
  raster drawn(addresses, layers);

  json names = json::array();
  for (const std::uint32_t layer : layers) names.push_back(cut(found.trace.resource(layer), 200));
  if (found.counted.resources.size() > layers.size()) names.back() = "(others)";
  json ranges = json::array();
  for (const raster::range& each : drawn.ranges())
    ranges.push_back({hex_text(each.first), hex_text(each.last), each.bytes_each, each.first_cell, each.cells});

  json moments = json::array();
  live_blocks live;
  std::uint64_t events = 0;
  trace_record event;
  found.trace.rewind();
  for (const std::uint64_t after : moments_of(found.counted)) {
    while (events < after && found.trace.next(event)) {
      live.take(event, drawn);
      ++events;
    }
    json one{{"events", events},        {"order", event.order},  {"nanoseconds", event.nanoseconds},
             {"blocks", live.blocks()}, {"bytes", live.bytes()}, {"peak", events == found.counted.peak.index},
             {"levels", drawn.levels()}};
    if (layers.size() > 1) one["leading"] = drawn.leading();
    moments.push_back(std::move(one));
  }
  return {{"digits", raster::digits}, {"layers", names}, {"ranges", ranges}, {"moments", moments}};
}

/// JSON that ends no element of HTML.
std::string inside_script(const json& value) {
  std::string text;
  for (const char c : json_text(value)) {
    if (c == '<')
      text += "\\u003c";
    else
      text += c;
  }
  return text;
}

}  // namespace

void write_page(std::ostream& out, const findings& found, const address_ranges& addresses) {
  show_wishes all = found.wishes;
  all.histogram = true;
  all.lifetimes = true;
  all.tags = true;
  all.stacks = 20;
  all.when.reset();
  table_limits limits;
  limits.rows = 50;
  limits.name_bytes = 300;
  limits.stack_bytes = 3000;
  const findings shown{all, found.trace, found.counted, found.times, nullptr};
  json data = facts_of(shown, limits);
  for (const char* cut_name : {"file", "program"})
    data["trace"][cut_name] = cut(data["trace"][cut_name].get<std::string>(), 1000);
  json& damage = data["trace"]["damage"];
  data["damaged_parts"] = damage.size();
  while (damage.size() > limits.rows) damage.erase(damage.size() - 1);
  data["heaps"] = heaps_of(found, addresses);
  out << page_head << page_style << page_body << inside_script(data) << page_middle << page_script << page_end;
}

}  // namespace allot::tool
