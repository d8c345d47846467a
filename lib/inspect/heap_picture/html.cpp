#include <algorithm>
#include <allot/core/text_output.hpp>
#include <allot/inspect/heap_picture.hpp>
#include <optional>
#include <ostream>

#include "layout.hpp"
#include "page.hpp"

namespace allot {
namespace {

constexpr auto states = heap_shares::states;

void write_shares(text_output& out, const heap_shares& shares) {
  out << "[";
  for (const block_state state : states)
    out << (state == states[0] ? "" : ",") << shares[state].blocks << "," << shares[state].bytes;
  out << "]";
}

/// A block alone is [gap before, bytes, state, exact]; one of many, [gap, span, smallest, largest, exact, blocks and
/// bytes of each state].
void write_cell(text_output& out, const heap_cell& cell, std::uintptr_t gap) {
  out << "[" << gap << ",";
  if (cell.shares.sum().blocks == 1) {
    std::size_t state = 0;
    while (cell.shares[states[state]].blocks == 0) ++state;
    out << cell.span << "," << state << "," << std::size_t{cell.exact ? 1U : 0U} << "]";
    return;
  }
  out << cell.span << "," << cell.smallest << "," << cell.largest << "," << std::size_t{cell.exact ? 1U : 0U};
  for (const block_state state : states) out << "," << cell.shares[state].blocks << "," << cell.shares[state].bytes;
  out << "]";
}

void write_data(text_output& out, const heap_map& map) {
  (out << "{\"name\":\"").script_name(map.name()) << "\",\"kind\":\"";
  out.script_name(map.kind()) << "\",\"reserved\":" << map.usage().reserved
                              << ",\"committed\":" << map.usage().committed << ",\"window\":" << map.window()
                              << ",\"largestFree\":" << map.largest(block_state::free) << ",\"fragmentation\":";
  out.fixed(std::min(map.fragmentation(), 0.999), 3) << ",\"shares\":";
  write_shares(out, map.shares());
  const picture_layout layout(map);
  (out << ",\"largestGap\":").fixed(layout.largest_gap(), 3) << ",\"breakLength\":";
  out.fixed(layout.break_length(), 3) << ",\"sizes\":[";
  for (std::size_t i = 0; i < heap_map::size_steps; ++i) {
    out << (i == 0 ? "" : ",");
    write_shares(out, map.of_size(i));
  }
  out << "],\n\"at\":\"";
  std::uintptr_t end = map.cells().empty() ? 0 : address_of(map.cells().front().begin);
  out.hex(end) << "\",\"cells\":[";
  const char* separator = "\n";
  for (const heap_cell& cell : map.cells()) {
    const std::uintptr_t begin = address_of(cell.begin);
    write_cell(out << separator, cell, begin > end ? begin - end : 0);
    end = begin + cell.span;
    separator = ",\n";
  }
  out << "]}";
}

}  // namespace

void write_html(std::ostream& stream, const heap_map& map, const html_picture_options& options) {
  std::optional<heap_map> coarser;
  if (map.cells().size() > options.most_cells) coarser.emplace(map.coarser(options.most_cells));
  text_output out(stream);
  out << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>Heap picture of ";
  out.markup_name(map.name()) << "</title>\n<style>\n" << page_style << "</style>\n</head>\n" << page_body;
  out << "<script type=\"application/json\" id=\"data\">\n";
  write_data(out, coarser ? *coarser : map);
  out << "\n</script>\n<script>\n" << page_script << "</script>\n</body>\n</html>\n";
  out.flush();
}

}  // namespace allot
