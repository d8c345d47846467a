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
constexpr int bars_left = 285;
constexpr int bars_width = 540;
constexpr int bar_height = 16;
constexpr int group_height = 52;
constexpr int bottom = 40;

int panel_height(const comparison& compared) {
  return top + group_height * static_cast<int>(compared.results.size()) + bottom;
}

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

/// One job's part of the picture, with a scale of its own.
class panel {
 public:
  /// @param y  where it begins
  panel(const comparison& compared, int y, std::ostream& out)
      : compared_(compared), y_(y), bars_top_(y + top), bars_bottom_(y + panel_height(compared) - bottom), out_(out) {
    for (const measurement& result : compared.results) {
      for (const series& each : all_series) longest_ = std::max(longest_, (result.*each.times).median());
    }
  }

  void draw() {
    text(20, y_ + 32, std::string(compared_.title), " font-size=\"18\"");
    text(20, y_ + 54,
         compared_.input + "; medians, shorter is better; in brackets: relative to " +
             std::string(compared_.results.front().name));
    legend();
    axis();
    int y = bars_top_;
    for (const measurement& result : compared_.results) {
      group(result, y);
      y += group_height;
    }
  }

 private:
  double length(double milliseconds) const { return milliseconds / longest_ * bars_width; }

  /// @param attributes  a blank before each
  void text(double x, double y, const std::string& words, std::string_view attributes = "") {
    out_ << "<text x=\"" << x << "\" y=\"" << y << '"' << attributes << '>' << escaped(words) << "</text>\n";
  }

  void legend() {
    int x = bars_left;
    for (const series& each : all_series) {
      out_ << "<rect x=\"" << x << "\" y=\"" << y_ + 68 << "\" width=\"12\" height=\"12\" fill=\"" << each.colour
           << "\"/>\n";
      text(x + 18, y_ + 79, std::string(each.name));
      x += 80;
    }
  }

  void axis() {
    const double step = tick_step(longest_);
    const int digits = std::max(0, -static_cast<int>(std::floor(std::log10(step))));
    for (int tick = 0; tick * step <= longest_; ++tick) {
      const double x = bars_left + length(tick * step);
      out_ << "<line x1=\"" << x << "\" x2=\"" << x << "\" y1=\"" << bars_top_ << "\" y2=\"" << bars_bottom_
           << "\" stroke=\"#ddd\"/>\n";
      text(x, bars_bottom_ + 20, fixed(tick * step, digits) + (tick == 0 ? " ms" : ""),
           " text-anchor=\"middle\" fill=\"#666\"");
    }
  }

  void group(const measurement& result, int y) {
    const measurement& first = compared_.results.front();
    out_ << "<g class=\"" << compared_.of << "\">\n";
    text(bars_left - 12, y + group_height / 2 + 4, std::string(result.name), " text-anchor=\"end\"");
    int bar_top = y + (group_height - 2 * bar_height) / 2;
    for (const series& each : all_series) {
      const double time = (result.*each.times).median();
      const double reference = (first.*each.times).median();
      out_ << "<rect class=\"" << each.name << "\" x=\"" << bars_left << "\" y=\"" << bar_top << "\" width=\""
           << length(time) << "\" height=\"" << bar_height - 2 << "\" fill=\"" << each.colour << "\"/>\n";
      text(bars_left + length(time) + 6, bar_top + bar_height - 4,
           fixed(time, time_digits(first)) + " ms (" + fixed(time / reference, 2) + ")", " font-size=\"12\"");
      bar_top += bar_height;
    }
    out_ << "</g>\n";
  }

  const comparison& compared_;
  int y_;
  int bars_top_;
  int bars_bottom_;
  double longest_ = 0;
  std::ostream& out_;
};

}  // namespace

std::string svg_chart(const std::vector<comparison>& jobs) {
  int height = 0;
  std::ostringstream panels;
  for (const comparison& job : jobs) {
    panel(job, height, panels).draw();
    height += panel_height(job);
  }
  std::ostringstream out;
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << width << ' ' << height
      << "\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n"
      << "<rect width=\"" << width << "\" height=\"" << height << "\" fill=\"#fff\"/>\n"
      << panels.str() << "</svg>\n";
  return out.str();
}

}  // namespace main_job
