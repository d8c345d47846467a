#include <algorithm>
#include <allot/core/text_output.hpp>
#include <allot/inspect/heap_picture.hpp>
#include <allot/os/terminal.hpp>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <utility>

#include "layout.hpp"

namespace allot {
namespace {

constexpr std::size_t widest = 400;
constexpr std::size_t most_lines = 1000;
constexpr std::size_t address_width = 2 + 2 * sizeof(void*) + 1;
constexpr double smallest_pixel = 8;  // bytes: more lines than that would show nothing new

/// What a character, or half of one, shows.
enum class shade : std::uint8_t { gap, free, mostly_free, half, mostly_used, used, quarantined, unknown };
constexpr std::size_t shades = 8;
constexpr std::string_view plain = " .-+*#x?";
// Of the 256 that terminals have (ISO 8613-6 with xterm's table): green over teal to blue, amber, and grey.
constexpr std::array<std::string_view, shades> colour{"", "108", "72", "37", "32", "27", "179", "245"};

shade shade_of(const picture_shares& parts) noexcept {
  const double known = parts.used + parts.free;
  if (known + parts.quarantined + parts.unknown <= 0) return shade::gap;
  if (std::max(parts.unknown, parts.quarantined) > known)
    return parts.unknown > parts.quarantined ? shade::unknown : shade::quarantined;
  const double used = parts.used / known;
  if (used <= 0) return shade::free;
  if (used >= 1) return shade::used;
  return used < 1.0 / 3 ? shade::mostly_free : used < 2.0 / 3 ? shade::half : shade::mostly_used;
}

int descriptor_of(const std::ostream& out) noexcept {
  if (out.rdbuf() == std::cout.rdbuf()) return 1;
  if (out.rdbuf() == std::cerr.rdbuf() || out.rdbuf() == std::clog.rdbuf()) return 2;
  return -1;
}

/// no-color.org: whatever it says, unless it is empty.
bool colours_wanted() noexcept {
  const char* const no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* const terminal = std::getenv("TERM");
  return terminal == nullptr || std::string_view(terminal) != "dumb";
}

/// The map as lines, each of which has one row of shades, or two where a character shows an upper and a lower one.
class map_lines {
 public:
  map_lines(text_output& out, const picture_layout& layout, std::size_t width, std::size_t lines, bool coloured)
      : out_(out), layout_(layout), width_(width), rows_in_line_(coloured ? 2 : 1) {
    const double most_rows = std::max(1.0, layout.length() / (smallest_pixel * static_cast<double>(width)));
    const auto rows_wanted = static_cast<double>(lines * rows_in_line_);
    rows_ = static_cast<std::size_t>(std::min(most_rows, rows_wanted));
    rows_ = (rows_ + rows_in_line_ - 1) / rows_in_line_ * rows_in_line_;
    pixel_ = layout.length() / static_cast<double>(width_ * rows_);
  }

  void write() {
    layout_.for_each([&](const heap_cell& cell, double start, bool) {
      const picture_shares parts = shares_of(cell);
      const double end = start + static_cast<double>(cell.span);
      for (double at = start; at < end;) {
        while (at >= pixel_end() && !at_last()) next_pixel();
        const double until = at_last() ? end : std::min(end, pixel_end());
        if (first_ == nullptr)
          first_ = static_cast<const std::byte*>(cell.begin) + static_cast<std::size_t>(at - start);
        sum_.used += parts.used * (until - at);
        sum_.free += parts.free * (until - at);
        sum_.quarantined += parts.quarantined * (until - at);
        sum_.unknown += parts.unknown * (until - at);
        at = until;
      }
    });
    while (index_ < width_ * rows_) next_pixel();
  }

 private:
  double pixel_end() const noexcept { return static_cast<double>(index_ + 1) * pixel_; }
  bool at_last() const noexcept { return index_ + 1 >= width_ * rows_; }

  void next_pixel() {
    row_[index_ % (width_ * rows_in_line_)] = shade_of(sum_);
    sum_ = {};
    if (++index_ % (width_ * rows_in_line_) == 0) write_line();
  }

  void write_line() {
    fixed_text<address_width> where;
    if (first_ != nullptr) where.append_hex(address_of(first_));
    first_ = nullptr;
    out_ << where;
    out_.repeat(" ", address_width - where.size());
    if (rows_in_line_ == 1) {
      for (std::size_t i = 0; i < width_; ++i) out_ << plain.substr(static_cast<std::size_t>(row_[i]), 1);
    } else {
      for (std::size_t i = 0; i < width_; ++i) write_halves(row_[i], row_[width_ + i]);
      out_ << "\x1b[0m";
      shown_ = {};
    }
    out_ << "\n";
  }

  void write_halves(shade upper, shade lower) {
    const std::string_view above = colour[static_cast<std::size_t>(upper)];
    const std::string_view below = colour[static_cast<std::size_t>(lower)];
    if (upper != shown_[0] || lower != shown_[1]) {
      out_ << "\x1b[0";
      if (!above.empty()) out_ << ";38;5;" << above;
      if (!below.empty()) out_ << (above.empty() ? ";38;5;" : ";48;5;") << below;
      out_ << "m";
    }
    shown_ = {upper, lower};
    out_ << (above.empty() ? below.empty() ? " " : "\u2584" : "\u2580");
  }

  text_output& out_;
  const picture_layout& layout_;
  std::size_t width_;
  std::size_t rows_in_line_;
  std::size_t rows_ = 1;
  double pixel_ = 1;
  std::size_t index_ = 0;
  picture_shares sum_;
  const std::byte* first_ = nullptr;  // the first byte of the line that is in a cell
  std::array<shade, 2 * widest> row_{};
  std::array<shade, 2> shown_{};  // as the terminal's colours are set
};

void write_marks(text_output& out, shade of, std::size_t count, bool coloured) {
  if (count == 0) return;
  if (coloured)
    (out << "\x1b[38;5;" << colour[static_cast<std::size_t>(of)] << "m").repeat("\u2588", count) << "\x1b[0m";
  else
    out.repeat(plain.substr(static_cast<std::size_t>(of), 1), count);
}

void write_figures(text_output& out, const heap_map& map, bool coloured) {
  struct line {
    block_state state;
    shade mark;
    std::string_view word;
  };
  for (const line& each :
       {line{block_state::used, shade::used, " used     "}, line{block_state::free, shade::free, " free     "},
        line{block_state::quarantined, shade::quarantined, " in quarantine "},
        line{block_state::unknown, shade::unknown, " unknown  "}}) {
    const heap_share& share = map.shares()[each.state];
    if (share.blocks == 0 && each.state != block_state::used && each.state != block_state::free) continue;
    write_marks(out, each.mark, 1, coloured);
    (out << each.word).bytes(share.bytes) << " in " << share.blocks << (share.blocks == 1 ? " block" : " blocks");
    if (share.blocks != 0) (out << ", the largest of ").bytes(map.largest(each.state));
    out << "\n";
  }
  (out << "fragmentation ").percent(map.fragmentation()) << " (1 - largest free block / all free bytes)";
  if (map.usage().reserved != 0) {
    (out << "; held: ").bytes(map.usage().reserved) << " reserved, ";
    out.bytes(map.usage().committed) << " committed";
  }
  out << "\n";
}

void write_sizes(text_output& out, const heap_map& map, std::size_t width, bool coloured) {
  std::size_t most = 0;
  for (std::size_t i = 0; i < heap_map::size_steps; ++i) most = std::max(most, map.of_size(i).sum().blocks);
  if (most == 0) return;
  constexpr std::size_t label = 12;
  constexpr std::size_t count = 21;
  const std::size_t room = width > label + count + 10 ? width - label - count : 10;
  out << "blocks by size\n";
  for (std::size_t i = 0; i < heap_map::size_steps; ++i) {
    const heap_shares& shares = map.of_size(i);
    const std::size_t blocks = shares.sum().blocks;
    if (blocks == 0) continue;
    constexpr std::array<std::string_view, 7> units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    const fixed_text<label> size =
        fixed_text<label>("  ").append_decimal(std::size_t{1} << i % 10).append(" ").append(units[i / 10]);
    out << size;
    out.repeat(" ", label - size.size());
    for (const auto& [state, mark] : {std::pair{block_state::used, shade::used},
                                      {block_state::free, shade::free},
                                      {block_state::quarantined, shade::quarantined},
                                      {block_state::unknown, shade::unknown}}) {
      if (shares[state].blocks == 0) continue;
      const double part = static_cast<double>(shares[state].blocks) / static_cast<double>(most);
      const double length = std::max(1.0, part * static_cast<double>(room) + 0.5);
      write_marks(out, mark, static_cast<std::size_t>(length), coloured);
    }
    out << " " << blocks << "\n";
  }
}

}  // namespace

void write_text(std::ostream& stream, const heap_map& map, const text_picture_options& options) {
  const std::size_t terminal = os::terminal_width(descriptor_of(stream));
  const bool coloured = options.colours == picture_colours::always ||
                        (options.colours == picture_colours::automatic && terminal != 0 && colours_wanted());
  constexpr std::size_t usual = 80;
  const std::size_t width = std::clamp<std::size_t>(options.width != 0 ? options.width
                                                    : terminal != 0    ? terminal
                                                                       : usual,
                                                    40, widest);

  text_output out(stream);
  out.plain_name(map.name());
  if (map.name() != map.kind()) (out << " (").plain_name(map.kind()) << ")";
  const std::size_t blocks = map.shares().sum().blocks;
  out << ": " << blocks << (blocks == 1 ? " block" : " blocks");
  if (map.summarised())
    (out << ", those of less than ").bytes(map.window()) << " taken together in " << map.cells().size() << " cells";
  out << "\n";
  const picture_layout layout(map);
  if (map.cells().empty()) {
    out << "(it tells of no blocks)\n";
  } else {
    const std::size_t lines = std::clamp<std::size_t>(options.most_lines, 1, most_lines);
    map_lines(out, layout, width - address_width, lines, coloured).write();
  }
  write_figures(out, map, coloured);
  write_sizes(out, map, width, coloured);
  out.flush();
}

}  // namespace allot
