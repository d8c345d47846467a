#include <algorithm>
#include <allot/core/text_output.hpp>
#include <allot/trace/compare.hpp>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "figures.hpp"

namespace allot {
namespace {

// All in pixels.
constexpr double width = 1000;
constexpr double margin = 24;
constexpr double names_width = 250;
constexpr double panel_width = (width - 2 * margin - names_width) / 3;
constexpr double bar_width = panel_width - 78;  // of the longest; the figure stands behind it
constexpr double top = 76;
constexpr double row_height = 26;
constexpr double bar_height = 14;

constexpr std::string_view style = R"(
text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:#1f2733}
.paper{fill:#fff}.h{font-size:16px;font-weight:650}.q{fill:#667085}.no{fill:#b42318}
.b{fill:#3563e0}.o{fill:#a9bdf2}.w{stroke:#1f2733;stroke-width:1.2;fill:none}
@media (prefers-color-scheme:dark){text{fill:#e6e9ef}.paper{fill:#12161d}.q{fill:#98a2b3}.no{fill:#f97066}
.b{fill:#6d94ff}.o{fill:#34477d}.w{stroke:#e6e9ef}}
)";

/// One figure of one candidate; nothing is drawn where it is not known.
struct bar {
  bool known = false;
  double value = 0;
  double least = 0;
  double most = 0;
  std::string text = "-";
};

struct panel {
  const char* title;
  std::vector<bar> bars;
};

bar time_of(const comparison& row) {
  return {true, row.seconds, row.fastest, row.slowest, comparing::decimals(row.seconds * 1e3, 2) + " ms"};
}

bar memory_of(const comparison& row) {
  const std::size_t bytes = row.result.peak_committed;
  if (bytes == 0) return {};
  const auto value = static_cast<double>(bytes);
  return {true, value, value, value, comparing::bytes_text(bytes)};
}

bar latency_of(const comparison& row) {
  if (row.latencies.empty()) return {};
  const auto [least, most] = std::minmax_element(row.latencies.begin(), row.latencies.end());
  const double value = row.result.latency.p999;
  return {true, value, *least, *most, comparing::time_text(value)};
}

class chart_writer {
 public:
  chart_writer(text_output& out, const std::vector<comparison>& rows) : out_(out), rows_(rows) {}

  void write() {
    const double height = top + static_cast<double>(rows_.size()) * row_height + margin;
    (out_ << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"").fixed(width, 0) << "\" height=\"";
    out_.fixed(height, 0) << "\" viewBox=\"0 0 ";
    (out_.fixed(width, 0) << " ").fixed(height, 0) << "\" role=\"img\">\n<title>Comparison of candidates</title>\n"
                                                   << "<style>" << style << "</style>\n";
    rectangle("paper", 0, 0, width, height);
    text("h", margin, 34) << "Candidates compared</text>\n";
    write_names();
    write_panel(0, {"time, and its spread", bars_of(time_of)});
    write_panel(1, {"memory at its peak", bars_of(memory_of)});
    write_panel(2, {"99.9 % of the calls take at most", bars_of(latency_of)});
    out_ << "</svg>\n";
  }

 private:
  template <class Figure>
  std::vector<bar> bars_of(Figure figure) const {
    std::vector<bar> bars;
    for (const comparison& row : rows_) bars.push_back(figure(row));
    return bars;
  }

  void rectangle(std::string_view kind, double x, double y, double w, double h) {
    (out_ << "<rect class=\"" << kind << "\" x=\"").fixed(x, 2) << "\" y=\"";
    (out_.fixed(y, 2) << "\" width=\"").fixed(w, 2) << "\" height=\"";
    out_.fixed(h, 2) << "\"/>\n";
  }

  text_output& text(std::string_view kind, double x, double y) {
    (out_ << "<text class=\"" << kind << "\" x=\"").fixed(x, 1) << "\" y=\"";
    return out_.fixed(y, 1) << "\">";
  }

  static double row_top(std::size_t row) { return top + static_cast<double>(row) * row_height; }

  /// As much of each as there is room for; the whole in a title.
  void write_names() {
    constexpr std::size_t most = 34;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const comparison& row = rows_[i];
      const bool wanting = row.result.refused != 0 || row.result.damaged != 0;
      text(wanting ? "no" : "n", margin, row_top(i) + 12) << "<title>";
      out_.markup_name(row.name);
      if (wanting)
        out_ << ": " << static_cast<std::size_t>(row.result.refused) << " requests refused, "
             << static_cast<std::size_t>(row.result.damaged) << " blocks damaged";
      out_ << "</title>";
      out_.markup_name(std::string_view(row.name).substr(0, most));
      out_ << (row.name.size() > most ? "..." : "") << "</text>\n";
    }
  }

  void write_panel(std::size_t place, const panel& shown) {
    const double left = margin + names_width + static_cast<double>(place) * panel_width;
    text("q", left, top - 16) << shown.title << "</text>\n";
    double most = 0;
    const bar* best = nullptr;
    for (const bar& each : shown.bars) {
      if (!each.known) continue;
      most = std::max({most, each.value, each.most});
      if (best == nullptr || each.value < best->value) best = &each;
    }
    for (std::size_t i = 0; i < shown.bars.size(); ++i) {
      const bar& each = shown.bars[i];
      const auto length = [&](double value) { return most > 0 ? value / most * bar_width : 0; };
      const double y = row_top(i);
      if (each.known) rectangle(&each == best ? "b" : "o", left, y, std::max(length(each.value), 1.0), bar_height);
      if (each.most > each.least) whisker(left + length(each.least), left + length(each.most), y + bar_height / 2);
      text(each.known ? "n" : "q", left + length(std::max(each.value, each.most)) + 6, y + 12)
          << each.text << "</text>\n";
    }
  }

  void whisker(double from, double to, double y) {
    (out_ << "<path class=\"w\" d=\"M").fixed(from, 2) << " ";
    (out_.fixed(y - 4, 2) << "v8m0 -4H").fixed(to, 2) << "m0 -4v8\"/>\n";
  }

  text_output& out_;
  const std::vector<comparison>& rows_;
};

}  // namespace

void write_chart(std::ostream& stream, const std::vector<comparison>& rows) {
  text_output out(stream);
  chart_writer(out, rows).write();
  out.flush();
}

}  // namespace allot
