#include <algorithm>
#include <allot/core/fixed_text.hpp>
#include <allot/core/text_output.hpp>
#include <ostream>

namespace allot {
namespace {

/// Bytes of the UTF-8 sequence the text begins with; 0 where it begins with none (RFC 3629), or with a control
/// character or non-character that XML does not take.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  if (first >= 0xc2 && first < 0xe0) return follows(1) && !(first == 0xc2 && byte(1) < 0xa0) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    if (!follows(1) || !follows(2)) return 0;
    const bool too_long = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) >= 0xa0;
    // Line and paragraph separators, directions to override, and the two non-characters at the end of the plane.
    const bool unseen = (first == 0xe2 && byte(1) == 0x80 && byte(2) >= 0xa8 && byte(2) <= 0xae) ||
                        (first == 0xe2 && byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9) ||
                        (first == 0xef && byte(1) == 0xbf && byte(2) >= 0xbe);
    return too_long || surrogate || unseen ? 0 : 3;
  }
  if (first >= 0xf0 && first < 0xf5) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    const bool outside = (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90);
    return outside ? 0 : 4;
  }
  return 0;
}

}  // namespace

void text_output::flush() {
  out_.write(buffer_.data(), static_cast<std::streamsize>(size_));
  size_ = 0;
}

text_output& text_output::operator<<(std::string_view text) {
  while (!text.empty()) {
    if (size_ == buffer_.size()) flush();
    const std::size_t part = std::min(text.size(), buffer_.size() - size_);
    std::copy_n(text.data(), part, buffer_.data() + size_);
    size_ += part;
    text.remove_prefix(part);
  }
  return *this;
}

text_output& text_output::operator<<(std::size_t number) { return *this << fixed_text<20>().append_decimal(number); }

text_output& text_output::hex(std::uintptr_t number) { return *this << fixed_text<20>().append_hex(number); }

text_output& text_output::fixed(double number, unsigned decimals) {
  std::size_t scale = 1;
  for (unsigned i = 0; i < decimals; ++i) scale *= 10;
  constexpr double most = 1e18;  // of what is not a number it makes 0
  const double wanted = number * static_cast<double>(scale) + 0.5;
  const auto scaled = wanted > 0 ? static_cast<std::size_t>(std::min(wanted, most)) : 0;
  *this << scaled / scale;
  if (scaled % scale == 0) return *this;
  *this << ".";
  for (std::size_t rest = scaled % scale; rest != 0; rest = rest * 10 % scale) *this << rest * 10 / scale;
  return *this;
}

text_output& text_output::percent(double part) { return fixed(part < 1 ? std::min(part * 100, 99.9) : 100, 1) << " %"; }

text_output& text_output::bytes(std::size_t number) {
  constexpr std::array<std::string_view, 7> units{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(number);
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  if (number == 1) return *this << "1 byte";
  return fixed(value, unit == 0 ? 0 : 1) << " " << units[unit];
}

text_output& text_output::repeat(std::string_view text, std::size_t times) {
  for (; times != 0; --times) *this << text;
  return *this;
}

text_output& text_output::name(std::string_view name, escape escaped) {
  while (!name.empty()) {
    const std::size_t length = sequence_length(name);
    if (length == 1 && !escaped(name[0]).empty())
      *this << escaped(name[0]);
    else
      *this << (length == 0 ? std::string_view("?") : name.substr(0, length));
    name.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return *this;
}

text_output& text_output::plain_name(std::string_view text) {
  return name(text, [](char) { return std::string_view(); });
}

text_output& text_output::markup_name(std::string_view text) {
  return name(text, [](char c) -> std::string_view {
    switch (c) {
      case '<':
        return "&lt;";
      case '>':
        return "&gt;";
      case '&':
        return "&amp;";
      case '"':
        return "&quot;";
      case '\'':
        return "&#39;";
      default:
        return {};
    }
  });
}

text_output& text_output::script_name(std::string_view text) {
  return name(text, [](char c) -> std::string_view {
    switch (c) {
      case '"':
        return "\\\"";
      case '\\':
        return "\\\\";
      case '<':
        return "\\u003c";
      case '>':
        return "\\u003e";
      case '&':
        return "\\u0026";
      default:
        return {};
    }
  });
}

}  // namespace allot
