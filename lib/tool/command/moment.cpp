#include "moment.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "words.hpp"

namespace allot::tool {
namespace {

/// "12.5" and what follows it. No sign, no exponent, no locale.
double number_of(std::string_view& text, bool& whole) {
  double value = 0;
  double scale = 1;
  std::size_t digits = 0;
  whole = true;
  for (; !text.empty(); text.remove_prefix(1)) {
    const char c = text.front();
    if (c == '.' && whole) {
      whole = false;
      continue;
    }
    if (c < '0' || c > '9') break;
    ++digits;
    value = value * 10 + (c - '0');
    if (!whole) scale *= 10;
  }
  if (digits == 0 || digits > 30) return -1;
  return value / scale;
}

/// At most the largest number there is.
std::uint64_t rounded(double value) {
  constexpr double two_to_64 = 18446744073709551616.0;
  return value + 0.5 < two_to_64 ? static_cast<std::uint64_t>(value + 0.5) : ~std::uint64_t{0};
}

}  // namespace

moment moment::from(std::string_view text) {
  moment made;
  if (text == "peak") {
    made.what = by::peak;
    return made;
  }
  if (text == "end") return made;
  std::string_view unit = text;
  bool whole = true;
  const double value = number_of(unit, whole);
  const auto scaled = [&](double nanoseconds) {
    made.what = by::time;
    made.number = rounded(value * nanoseconds);
    return made;
  };
  if (value >= 0) {
    if (unit == "%" && value <= 100) {
      made.what = by::part;
      made.part = value / 100;
      return made;
    }
    if (unit == "s") return scaled(1e9);
    if (unit == "ms") return scaled(1e6);
    if (unit == "us") return scaled(1e3);
    if (unit == "ns") return scaled(1);
    if (unit.empty() && whole) {
      made.what = by::order;
      made.number = rounded(value);
      return made;
    }
  }
  throw std::invalid_argument("no moment: \"" + printable(text) +
                              "\" (it may be the number of an event, 50%, a time such as 1.5s, 20ms, 3us or 100ns, "
                              "peak, or end)");
}

trace_extent extent_of(recording& trace) {
  trace_extent extent;
  live_blocks live;
  live_blocks::listener nobody;
  std::uint64_t most = 0;
  trace.rewind();
  for (trace_record event; trace.next(event);) {
    live.take(event, nobody);
    ++extent.events;
    extent.nanoseconds = std::max(extent.nanoseconds, event.nanoseconds);
    if (live.bytes() <= most) continue;
    most = live.bytes();
    extent.peak = extent.events;
  }
  return extent;
}

void follow_to(moment when, recording& trace, const trace_extent& extent, heap_at& at, live_blocks::listener& hears) {
  std::uint64_t most = extent.events;
  if (when.what == moment::by::peak) most = extent.peak;
  if (when.what == moment::by::part)
    most = static_cast<std::uint64_t>(std::ceil(when.part * static_cast<double>(extent.events)));
  trace.rewind();
  for (trace_record event; at.events < most && trace.next(event);) {
    if (when.what == moment::by::order && event.order > when.number) return;
    if (when.what == moment::by::time && event.nanoseconds > when.number) return;
    at.live.take(event, hears);
    ++at.events;
    at.order = event.order;
    at.nanoseconds = event.nanoseconds;
  }
}

}  // namespace allot::tool
