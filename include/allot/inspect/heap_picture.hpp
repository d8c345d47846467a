#pragma once

#include <allot/core/compiler.hpp>
#include <allot/inspect/heap_map.hpp>
#include <cstddef>
#include <iosfwd>

// A heap's map as a picture. Writers go past the stream's formatting and locale; a stream that fails is left as it is
// for the caller to look at, one that throws passes its exception on. Names are shown as text, whatever is in them.
// Thread-safe as far as the streams are.

namespace allot {

/// Whether a text has colours.
enum class picture_colours {
  automatic,  ///< where the stream is std::cout, std::cerr or std::clog on a terminal, TERM is not "dumb", and NO_COLOR
              ///< is not set or empty
  never,      ///< ASCII alone: '#' used, '*', '+' and '-' less and less of it, '.' free, '?' unknown
  always      ///< escape codes and half blocks
};

/// How large the text is.
struct text_picture_options {
  std::size_t width = 0;        ///< characters a line, 40 to 400; 0: the terminal's, 80 where there is none
  std::size_t most_lines = 16;  ///< of the map, 1 to 1000
  picture_colours colours = picture_colours::automatic;  ///< whether there are any
};

/// Figures, the map and how many blocks there are of which size, as lines for a terminal or a log. Allocates nothing.
ALLOT_EXPORT void write_text(std::ostream& out, const heap_map& map, const text_picture_options& options = {});

/// How large the picture is.
struct svg_picture_options {
  std::size_t most_cells = 1500;  ///< a map with more is made coarser, at 500 bytes a cell and less
  bool titles = true;             ///< facts of each cell, which browsers show under the pointer
};

/// The same as a picture in SVG 1.1 that suits light and dark surroundings.
/// @throws what the map's memory throws when it has to be made coarser
ALLOT_EXPORT void write_svg(std::ostream& out, const heap_map& map, const svg_picture_options& options = {});

/// How large the page is.
struct html_picture_options {
  std::size_t most_cells = 8192;  ///< a map with more is made coarser; no page with so many is over 2 MiB
};

/// The same as one page to explore in a browser: a block's facts under the pointer, filters by state and size, zoom,
/// light and dark. Needs nothing from anywhere else.
/// @throws what the map's memory throws when it has to be made coarser
ALLOT_EXPORT void write_html(std::ostream& out, const heap_map& map, const html_picture_options& options = {});

}  // namespace allot
