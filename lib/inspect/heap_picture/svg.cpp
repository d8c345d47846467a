#include <algorithm>
#include <allot/core/text_output.hpp>
#include <allot/inspect/heap_picture.hpp>
#include <array>
#include <cmath>
#include <optional>
#include <ostream>
#include <tuple>

#include "layout.hpp"

namespace allot {
namespace {

// All in pixels.
constexpr double width = 960;
constexpr double margin = 24;
constexpr double label_width = 118;  // of a row's address
constexpr double row_height = 22;
constexpr double row_gap = 4;
constexpr double map_left = margin + label_width;
constexpr double map_width = width - margin - map_left;
constexpr double map_top = 132;
constexpr double bars_height = 84;
constexpr double thinnest = 0.35;  // a cell narrower than that is drawn as wide

constexpr std::string_view style = R"(
text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:#1f2733}
.paper{fill:#fff}.h{font-size:18px;font-weight:650}.q{fill:#667085}.a{font:11px ui-monospace,Menlo,Consolas,monospace;fill:#667085;text-anchor:end}
.k{font-weight:400;fill:#667085}.v{font-size:17px;font-weight:650}.c{font-size:11px;fill:#667085;text-anchor:middle}
.row{fill:#eef0f4}.u{fill:#3563e0}.f{fill:#a9dcc3}.z{fill:#e9b95c}.n{fill:#b3a7cf}.b{fill:none;stroke:#98a2b3;stroke-dasharray:2 2}
@media (prefers-color-scheme:dark){text{fill:#e6e9ef}.paper{fill:#12161d}.q,.k,.a,.c{fill:#98a2b3}
.row{fill:#1e242e}.u{fill:#6d94ff}.f{fill:#2f6b52}.z{fill:#a8792a}.n{fill:#6f6391}.b{stroke:#667085}}
)";

class svg_writer {
 public:
  svg_writer(text_output& out, const heap_map& map, bool titles) : out_(out), map_(map), layout_(map), titles_(titles) {
    constexpr double cells_in_row = 48;
    constexpr double most_rows = 20;
    rows_ = std::clamp(std::ceil(static_cast<double>(map.cells().size()) / cells_in_row), 1.0, most_rows);
    row_length_ = layout_.length() > 0 ? layout_.length() / rows_ : 1;
  }

  void write() {
    const double map_end = map_top + rows_ * (row_height + row_gap);
    const double height = map_end + bars_height + 76;
    (out_ << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"").fixed(width, 0) << "\" height=\"";
    out_.fixed(height, 0) << "\" viewBox=\"0 0 ";
    (out_.fixed(width, 0) << " ").fixed(height, 0) << "\" role=\"img\">\n<title>Heap picture of ";
    out_.markup_name(map_.name()) << "</title>\n<style>" << style << "</style>\n";
    rectangle("paper", 0, 0, width, height) << "/>\n";
    write_head();
    write_rows();
    write_cells();
    write_bars(map_end + 40);
    out_ << "</svg>\n";
  }

 private:
  /// Opened, so that it may get a title.
  text_output& rectangle(std::string_view kind, double x, double y, double w, double h) {
    (out_ << "<rect class=\"" << kind << "\" x=\"").fixed(x, 2) << "\" y=\"";
    (out_.fixed(y, 2) << "\" width=\"").fixed(w, 2) << "\" height=\"";
    return out_.fixed(h, 2) << "\"";
  }

  text_output& text(std::string_view kind, double x, double y) {
    (out_ << "<text class=\"" << kind << "\" x=\"").fixed(x, 1) << "\" y=\"";
    return out_.fixed(y, 1) << "\">";
  }

  void write_head() {
    text("h", margin, 38).markup_name(map_.name());
    if (map_.name() != map_.kind()) (out_ << "<tspan class=\"k\" dx=\"8\">").markup_name(map_.kind()) << "</tspan>";
    out_ << "</text>\n";
    double x = margin;
    for (const auto& [state, mark, word] : {std::tuple{block_state::used, "u", "used"},
                                            {block_state::free, "f", "free"},
                                            {block_state::quarantined, "z", "in quarantine"},
                                            {block_state::unknown, "n", "unknown"}}) {
      const heap_share& share = map_.shares()[state];
      if (share.blocks == 0 && state != block_state::used && state != block_state::free) continue;
      rectangle(mark, x, 64, 10, 10) << " rx=\"2\"/>";
      (text("q", x + 16, 73) << word << ", " << share.blocks << (share.blocks == 1 ? " block" : " blocks"))
          << "</text>";
      text("v", x, 98).bytes(share.bytes) << "</text>\n";
      x += 190;
    }
    text("q", x, 73) << "largest free block</text>";
    text("v", x, 98).bytes(map_.largest(block_state::free)) << "</text>\n";
    text("q", x + 190, 73) << "fragmentation</text>";
    text("v", x + 190, 98).percent(map_.fragmentation()) << "</text>\n";
    if (map_.summarised())
      (text("q", margin, 120) << "Blocks of less than ").bytes(map_.window())
          << " are drawn together, filled as far as they are used.</text>\n";
    else if (map_.cells().empty())
      text("q", margin, 120) << "It tells of no blocks.</text>\n";
  }

  double row_top(double row) const noexcept { return map_top + row * (row_height + row_gap); }

  void write_rows() {
    if (map_.cells().empty()) return;
    for (double row = 0; row < rows_; ++row) {
      const double full = std::min(row_length_, layout_.length() - row * row_length_);
      rectangle("row", map_left, row_top(row), map_width * full / row_length_, row_height) << " rx=\"2\"/>\n";
    }
    double labelled = 0;
    layout_.for_each([&](const heap_cell& cell, double start, bool) {
      const double end = start + static_cast<double>(cell.span);
      while (labelled < rows_ && end > labelled * row_length_) {
        const double inside = std::max(0.0, labelled * row_length_ - start);
        if (start < (labelled + 1) * row_length_)
          text("a", map_left - 8, row_top(labelled) + 15).hex(address_of(cell.begin) + static_cast<std::size_t>(inside))
              << "</text>\n";
        ++labelled;
      }
    });
  }

  void write_cells() {
    layout_.for_each([&](const heap_cell& cell, double start, bool) {
      out_ << "<g>";
      if (titles_) write_title(cell);
      const double end = start + static_cast<double>(cell.span);
      double row = std::min(std::floor(start / row_length_), rows_ - 1);
      for (double at = start; at < end; ++row) {
        const double until = row + 1 < rows_ ? std::min(end, (row + 1) * row_length_) : end;
        if (until > at) write_piece(cell, row, at - row * row_length_, until - at);
        at = std::max(at, until);
      }
      out_ << "</g>\n";
    });
  }

  /// Used from the bottom up, then quarantined, then what nobody knows of, then free.
  void write_piece(const heap_cell& cell, double row, double start, double length) {
    const double x = map_left + start / row_length_ * map_width;
    const double exact = length / row_length_ * map_width;
    const double seam = exact > 3 ? 0.7 : 0;
    const double w = std::max(exact - seam, thinnest);
    const picture_shares parts = shares_of(cell);
    double bottom = row_top(row) + row_height;
    for (const auto& [kind, part] :
         {std::pair{"u", parts.used}, {"z", parts.quarantined}, {"n", parts.unknown}, {"f", parts.free}}) {
      if (part <= 0) continue;
      const double h = row_height * part;
      bottom -= h;
      rectangle(kind, x, std::max(0.0, bottom), w, h) << "/>";
    }
  }

  void write_title(const heap_cell& cell) {
    const std::size_t blocks = cell.shares.sum().blocks;
    (out_ << "<title>").hex(address_of(cell.begin)) << ": ";
    if (blocks == 1) {
      constexpr std::array<std::string_view, heap_shares::states.size()> words{"used", "free", "in quarantine",
                                                                               "unknown"};
      std::size_t state = 0;
      while (cell.shares[heap_shares::states[state]].blocks == 0) ++state;
      out_ << words[state] << ", " << cell.largest << " bytes" << (cell.exact ? "" : ", rounded");
    } else {
      out_ << blocks << " blocks of " << cell.smallest << " to " << cell.largest << " bytes, "
           << cell.shares[block_state::used].bytes << " bytes used, " << cell.shares[block_state::free].bytes
           << " free";
    }
    out_ << "</title>";
  }

  void write_bars(double top) {
    std::size_t first = heap_map::size_steps;
    std::size_t last = 0;
    double most = 0;
    for (std::size_t i = 0; i < heap_map::size_steps; ++i) {
      const std::size_t blocks = map_.of_size(i).sum().blocks;
      if (blocks == 0) continue;
      first = std::min(first, i);
      last = i;
      most = std::max(most, static_cast<double>(blocks));
    }
    if (most <= 0) return;
    text("q", margin, top - 12) << "blocks by size, from the power of two named</text>\n";
    const double step = std::min(64.0, (width - 2 * margin) / static_cast<double>(last - first + 1));
    for (std::size_t i = first; i <= last; ++i) {
      const double x = margin + static_cast<double>(i - first) * step;
      const heap_shares& shares = map_.of_size(i);
      double bottom = top + bars_height;
      for (const auto& [state, mark] : {std::pair{block_state::used, "u"},
                                        {block_state::quarantined, "z"},
                                        {block_state::unknown, "n"},
                                        {block_state::free, "f"}}) {
        if (shares[state].blocks == 0) continue;
        const double h = std::max(1.0, static_cast<double>(shares[state].blocks) / most * (bars_height - 16));
        bottom -= h;
        rectangle(mark, x + 2, bottom, step - 4, h) << "/>";
      }
      constexpr std::array<std::string_view, 7> units{"B", "K", "M", "G", "T", "P", "E"};
      text("c", x + step / 2, top + bars_height + 16)
          << (std::size_t{1} << i % 10) << " " << units[i / 10] << "</text>";
      const std::size_t blocks = shares.sum().blocks;
      if (blocks != 0) text("c", x + step / 2, bottom - 4) << blocks << "</text>\n";
    }
  }

  text_output& out_;
  const heap_map& map_;
  picture_layout layout_;
  bool titles_;
  double rows_ = 1;
  double row_length_ = 1;
};

}  // namespace

void write_svg(std::ostream& stream, const heap_map& map, const svg_picture_options& options) {
  std::optional<heap_map> coarser;
  if (map.cells().size() > options.most_cells) coarser.emplace(map.coarser(options.most_cells));
  text_output out(stream);
  svg_writer(out, coarser ? *coarser : map, options.titles).write();
  out.flush();
}

}  // namespace allot
