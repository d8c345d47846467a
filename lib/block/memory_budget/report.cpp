// The table of all lines.

#include <algorithm>
#include <allot/block/memory_budget.hpp>
#include <array>
#include <ostream>

namespace allot {
namespace {

constexpr std::size_t number_count = 5;

struct row {
  fixed_text<31> name;
  std::string_view kind;
  std::array<std::size_t, number_count> numbers;
  std::string_view state;
};

constexpr std::array<std::string_view, number_count> headings{"bytes", "taken", "used", "high water", "refused"};

std::string_view kind_of(budget_part part) noexcept {
  switch (part) {
    case budget_part::permanent:
      return "permanent";
    case budget_part::transient:
      return "transient";
    case budget_part::sub_budget:
      break;
  }
  return "sub-budget";
}

row row_of(const budget_line& line) noexcept {
  return {line.name,
          kind_of(line.part),
          {line.bytes, line.taken, line.used, line.high_water, line.refused},
          line.live ? "live" : "gone"};
}

/// What the lines of a region come to.
row row_of(std::string_view kind, const budget_region& region, std::size_t used, std::size_t refused) noexcept {
  return {fixed_text<31>("in all"), kind, {region.size, region.taken, used, region.most_taken, refused}, {}};
}

std::size_t digits_of(std::size_t number) noexcept {
  std::size_t digits = 1;
  while (number >= 10) {
    number /= 10;
    ++digits;
  }
  return digits;
}

/// Widths that hold everything seen so far, and rows of these widths.
class table {
 public:
  explicit table(std::string_view title) noexcept : title_(title) { name_width_ = title_.size(); }

  void fit(const row& shown) noexcept {
    name_width_ = std::max(name_width_, shown.name.size());
    for (std::size_t i = 0; i < number_count; ++i)
      widths_[i] = std::max({widths_[i], headings[i].size(), digits_of(shown.numbers[i])});
  }

  void write_headings(std::ostream& out) const {
    fixed_text<255> text;
    write_left(text, title_, name_width_);
    write_left(text, "  kind", kind_width);
    for (std::size_t i = 0; i < number_count; ++i) {
      pad(text, widths_[i] - headings[i].size() + 2);
      text.append(headings[i]);
    }
    write_line(out, text);
  }

  void write(std::ostream& out, const row& shown) const {
    fixed_text<255> text;
    write_left(text, shown.name, name_width_);
    write_left(text.append("  "), shown.kind, kind_width - 2);
    for (std::size_t i = 0; i < number_count; ++i) {
      // A row may have grown since its width was taken.
      pad(text, std::max(widths_[i], digits_of(shown.numbers[i])) - digits_of(shown.numbers[i]) + 2);
      text.append_decimal(shown.numbers[i]);
    }
    if (!shown.state.empty()) text.append("  ").append(shown.state);
    write_line(out, text);
  }

 private:
  using text_line = fixed_text<255>;
  static constexpr std::size_t kind_width = 12;

  static void pad(text_line& text, std::size_t count) noexcept {
    for (; count != 0; --count) text.append(" ");
  }
  static void write_left(text_line& text, std::string_view word, std::size_t width) noexcept {
    text.append(word);
    pad(text, std::max(width, word.size()) - word.size());
  }
  /// Whatever the stream is set to.
  static void write_line(std::ostream& out, text_line& text) {
    text.append("\n");
    out.write(text.c_str(), static_cast<std::streamsize>(text.size()));
  }

  std::string_view title_;
  std::size_t name_width_;
  std::array<std::size_t, number_count> widths_{};
};

}  // namespace

void memory_budget::report(std::ostream& out) const {
  const budget_region permanent = permanent_region();
  const budget_region transient = transient_region();
  table lines(name());
  std::size_t permanent_used = 0;
  std::size_t permanent_refused = 0;
  std::size_t transient_used = 0;
  std::size_t transient_refused = 0;
  for_each_line([&](const budget_line& line) {
    lines.fit(row_of(line));
    const bool goes = line.part == budget_part::transient;
    (goes ? transient_used : permanent_used) += line.used;
    (goes ? transient_refused : permanent_refused) += line.refused;
  });
  const row all_permanent = row_of("permanent", permanent, permanent_used, permanent_refused);
  const row all_transient = row_of("transient", transient, transient_used, transient_refused);
  lines.fit(all_permanent);
  lines.fit(all_transient);

  lines.write_headings(out);
  for_each_line([&](const budget_line& line) { lines.write(out, row_of(line)); });
  lines.write(out, all_permanent);
  lines.write(out, all_transient);
  if (const std::size_t parts = refused(); parts != 0) {
    fixed_text<63> text;
    text.append_decimal(parts).append(parts == 1 ? " part did not fit\n" : " parts did not fit\n");
    out.write(text.c_str(), static_cast<std::streamsize>(text.size()));
  }
}

}  // namespace allot
