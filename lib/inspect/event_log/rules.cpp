#include "rules.hpp"

#include <algorithm>

namespace allot::event_log {
namespace {

constexpr std::array levels{log_level::off, log_level::errors, log_level::growth, log_level::marks, log_level::all};

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

/// Goes back to the last * when the text does not fit: that one takes a byte more. Linear but for patterns of many *.
bool matches(std::string_view pattern, std::string_view name) noexcept {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_takes_to = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_takes_to = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_takes_to;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool read_entry(std::string_view entry, std::string_view& pattern, log_level& level) noexcept {
  const std::size_t sign = entry.rfind('=');
  pattern = trimmed(entry.substr(0, sign));
  level = log_level::all;
  if (sign == std::string_view::npos) return true;
  const std::string_view wanted = trimmed(entry.substr(sign + 1));
  for (const log_level each : levels) {
    level = each;
    if (name_of(each) == wanted) return true;
  }
  return false;
}

/// Whether there is a name that both match. Goes through the texts of `a` byte by byte and keeps, of each, from where
/// on `b` must match what is left.
bool overlap(std::string_view a, std::string_view b) noexcept {
  std::array<bool, longest_pattern + 1> reached{};
  const auto skip_stars = [&] {
    for (std::size_t i = 0; i < b.size(); ++i)
      if (reached[i] && b[i] == '*') reached[i + 1] = true;
  };
  reached[0] = true;
  skip_stars();
  for (const char c : a) {
    if (c == '*') {
      // Any text: so everything from the first place on can be left.
      const auto first = std::find(reached.begin(), reached.end(), true);
      std::fill(first, reached.begin() + static_cast<std::ptrdiff_t>(b.size()) + 1, true);
      continue;
    }
    for (std::size_t i = b.size() + 1; i-- > 0;) {
      const bool stays = reached[i] && i < b.size() && b[i] == '*';
      const bool steps = i != 0 && reached[i - 1] && b[i - 1] == c;
      reached[i] = stays || steps;
    }
    skip_stars();
    if (std::find(reached.begin(), reached.end(), true) == reached.end()) return false;
  }
  return reached[b.size()];
}

/// A pattern that was there before moves to the end: what is said last counts.
bool rules::set(std::string_view pattern, log_level level) noexcept {
  if (pattern.empty() || pattern.size() > longest_pattern) return false;
  if (pattern == "*" && level == log_level::off) {
    count_ = 0;
    return true;
  }
  drop(pattern);
  const bool needed = level != log_level::off || restricts(pattern, count_);
  if (needed && count_ == all_.size()) return false;
  if (needed) all_[count_++] = {pattern, level};
  forget_idle();
  return true;
}

/// Whether to switch the pattern off means anything behind the first `before` rules.
bool rules::restricts(std::string_view pattern, std::size_t before) const noexcept {
  for (std::size_t i = 0; i < before; ++i)
    if (all_[i].level != log_level::off && overlap(all_[i].pattern, pattern)) return true;
  return false;
}

/// Without rules that say nothing, so that names switched on and off again do not use up the room.
void rules::forget_idle() noexcept {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count_; ++i)
    if (all_[i].level != log_level::off || restricts(all_[i].pattern, kept)) all_[kept++] = all_[i];
  count_ = kept;
}

void rules::drop(std::string_view pattern) noexcept {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count_; ++i)
    if (std::string_view(all_[i].pattern) != pattern) all_[kept++] = all_[i];
  count_ = kept;
}

log_level rules::level_of(std::string_view name) const noexcept {
  for (std::size_t i = count_; i != 0; --i)
    if (matches(all_[i - 1].pattern, name)) return all_[i - 1].level;
  return log_level::off;
}

}  // namespace allot::event_log
