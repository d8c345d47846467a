#include "rules.hpp"

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

/// A pattern that was there before moves to the end: what is said last counts.
bool rules::set(std::string_view pattern, log_level level) noexcept {
  if (pattern.empty() || pattern.size() > longest_pattern) return false;
  if (pattern == "*" && level == log_level::off) {
    count_ = 0;
    return true;
  }
  drop(pattern);
  if (count_ == all_.size()) return false;
  all_[count_++] = {pattern, level};
  return true;
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
