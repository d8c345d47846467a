#include "svg_chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>
#include <string_view>

#include "report.hpp"

namespace main_job {

namespace {

// All in pixels.
constexpr int width = 960;
constexpr int top = 100;
constexpr int bars_left = 270;
constexpr int bars_width = 540;
constexpr int bar_height = 16;
constexpr int group_height = 52;
constexpr int bottom = 40;

struct series {
  std::string_view name;
  std::string_view colour;
  const samples measurement::*times;
};

constexpr std::array<series, 2> all_series{
    {{"cold", "#2f6db3", &measurement::cold}, {"warm", "#e08a1e", &measurement::warm}}};

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

/// 1, 2 or 5 times a power of ten, so that `longest` takes 3 to 8 steps.
double tick_step(double longest) {
  const double power = std::pow(10, std::floor(std::log10(longest)));
  if (longest / power >= 5) return power;
  return longest / power >= 2 ? power / 2 : power / 5;
}

class chart {
 public:
  chart(const std::vector<measurement>& results, const job_size& size)
      : results_(results), height_(top + group_height * static_cast<int>(results.size()) + bottom) {
    for (const measurement& result : results) {
      for (const series& each : all_series) longest_ = std::max(longest_, (result.*each.times).median());
    }
    out_ << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << width << ' ' << height_
         << "\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n"
         << "<rect width=\"" << width << "\" height=\"" << height_ << "\" fill=\"#fff\"/>\n";
    text(20, 32, "Word index and document tree: time by memory resource", " font-size=\"18\"");
    text(20, 54,
         fixed(static_cast<double>(size.bytes) / 1024, 0) + " KiB of text in " + std::to_string(size.files) +
             " files; medians, shorter is better; in brackets: relative to " + std::string(results[0].name));
    legend();
    axis();
    for (std::size_t i = 0; i < results.size(); ++i) group(results[i], top + group_height * static_cast<int>(i));
    out_ << "</svg>\n";
  }

  std::string take() const { return out_.str(); }

 private:
  double length(double milliseconds) const { return milliseconds / longest_ * bars_width; }

  /// @param attributes  a blank before each
  void text(double x, double y, const std::string& words, std::string_view attributes = "") {
    out_ << "<text x=\"" << x << "\" y=\"" << y << '"' << attributes << '>' << escaped(words) << "</text>\n";
  }

  void legend() {
    int x = bars_left;
    for (const series& each : all_series) {
      out_ << "<rect x=\"" << x << "\" y=\"68\" width=\"12\" height=\"12\" fill=\"" << each.colour << "\"/>\n";
      text(x + 18, 79, std::string(each.name));
      x += 80;
    }
  }

  void axis() {
    const double step = tick_step(longest_);
    const int digits = std::max(0, -static_cast<int>(std::floor(std::log10(step))));
    const int end = height_ - bottom;
    for (int tick = 0; tick * step <= longest_; ++tick) {
      const double x = bars_left + length(tick * step);
      out_ << "<line x1=\"" << x << "\" x2=\"" << x << "\" y1=\"" << top << "\" y2=\"" << end
           << "\" stroke=\"#ddd\"/>\n";
      text(x, end + 20, fixed(tick * step, digits) + (tick == 0 ? " ms" : ""), " text-anchor=\"middle\" fill=\"#666\"");
    }
  }

  void group(const measurement& result, int y) {
    out_ << "<g class=\"resource\">\n";
    text(bars_left - 12, y + group_height / 2 + 4, std::string(result.name), " text-anchor=\"end\"");
    int bar_top = y + (group_height - 2 * bar_height) / 2;
    for (const series& each : all_series) {
      const double time = (result.*each.times).median();
      const double reference = (results_.front().*each.times).median();
      out_ << "<rect class=\"" << each.name << "\" x=\"" << bars_left << "\" y=\"" << bar_top << "\" width=\""
           << length(time) << "\" height=\"" << bar_height - 2 << "\" fill=\"" << each.colour << "\"/>\n";
      text(bars_left + length(time) + 6, bar_top + bar_height - 4,
           fixed(time, time_digits(results_.front())) + " ms (" + fixed(time / reference, 2) + ")",
           " font-size=\"12\"");
      bar_top += bar_height;
    }
    out_ << "</g>\n";
  }

  const std::vector<measurement>& results_;
  int height_;
  double longest_ = 0;
  std::ostringstream out_;
};

}  // namespace

std::string svg_chart(const std::vector<measurement>& results, const job_size& size) {
  return chart(results, size).take();
}

}  // namespace main_job
