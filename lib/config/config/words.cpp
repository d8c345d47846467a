#include "words.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace allot::config {
namespace {

constexpr std::string_view hex_digits = "0123456789ABCDEF";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// How many letters must be put in, left out, replaced or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::vector<std::size_t> next(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
        next[j] = std::min(next[j], before[j - 2] + 1);
    }
    before.swap(row);
    row.swap(next);
  }
  return row[b.size()];
}

void append_escape(std::string& to, unsigned char c) {
  to += "\\u00";
  to += hex_digits[c >> 4];
  to += hex_digits[c & 15];
}

}  // namespace

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

std::string as_text(std::string_view text) {
  std::string written = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      written += '\\';
      written += c;
    } else if (const auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7f) {
      append_escape(written, byte);
    } else {
      written += c;
    }
  }
  return written + '"';
}

std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 60;
  if (text.size() <= longest) return as_text(text);
  std::size_t end = longest;
  while (end > longest - 4 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // no half of a character
  return as_text(text.substr(0, end)) + "...";
}

std::string as_key(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), is_bare) ? std::string(key) : as_text(key);
}

std::string joined(const std::string& path, std::string_view key) {
  constexpr std::size_t longest = 60;
  const std::string name = key.size() > longest ? quoted(key) : as_key(key);
  return path.empty() ? name : path + '.' + name;
}

std::string_view nearest(std::string_view text, const std::vector<std::string>& names) {
  constexpr std::size_t longest = 64;
  if (text.empty() || text.size() > longest) return {};
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, text.size() / 3) + 1;
  for (const std::string& name : names) {
    if (name.size() > longest) continue;
    if (const std::size_t d = distance(text, name); d < least && d < std::max(text.size(), name.size())) {
      least = d;
      best = name;
    }
  }
  return best;
}

std::string suggestion(std::string_view text, const std::vector<std::string>& names, std::string_view label) {
  std::string told;
  if (const std::string_view like = nearest(text, names); !like.empty()) told += "; did you mean " + quoted(like) + "?";
  if (names.empty()) return told;
  constexpr std::size_t most = 40;
  told += told.empty() ? "; " : " ";
  told += label;
  told += ": ";
  for (std::size_t i = 0; i < names.size() && i < most; ++i)
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) ==
        names.begin() + static_cast<std::ptrdiff_t>(i))
      told += (i != 0 ? ", " : "") + joined("", names[i]);
  if (names.size() > most) told += " and " + std::to_string(names.size() - most) + " more";
  return told;
}

}  // namespace allot::config
