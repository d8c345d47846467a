#include "detection/table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <istream>
#include <numeric>
#include <ostream>

namespace allot::detection {
namespace {

constexpr std::array<std::string_view, outcome_count> words{"abort", "fault", "harmless", "slack",
                                                            "noted", "crash", "missed",   "hang"};

std::optional<std::size_t> word_number(std::string_view text) {
  const auto* const found = std::find(words.begin(), words.end(), text);
  if (found == words.end()) return std::nullopt;
  return static_cast<std::size_t>(found - words.begin());
}

/// How likely it is to see at most k of n when each has this probability.
double at_most(std::size_t k, std::size_t n, double probability) {
  double sum = 0;
  double ways = 1;
  for (std::size_t i = 0; i <= k; ++i) {
    sum += ways * std::pow(probability, static_cast<double>(i)) * std::pow(1 - probability, static_cast<double>(n - i));
    ways *= static_cast<double>(n - i) / static_cast<double>(i + 1);
  }
  return sum;
}

bool is_fewer(std::size_t now, std::size_t tries, std::size_t stated, std::size_t stated_tries, bool by_luck) {
  constexpr double luck = 1e-4;
  // All of some tries by luck does not mean all of any others (Laplace's rule of succession).
  const auto good = static_cast<double>(stated) + (by_luck ? 1 : 0);
  const auto all = static_cast<double>(stated_tries) + (by_luck ? 2 : 0);
  return at_most(now, tries, good / all) < luck;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(at, begin), text.size());
    parts.emplace_back(trimmed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return parts;
}

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string frees_number(std::size_t frees) {
  return frees < most_frees ? std::to_string(frees) : "> " + std::to_string(most_frees);
}

}  // namespace

std::string_view word(outcome of) { return words[static_cast<std::size_t>(of)]; }

std::size_t cell::tries() const { return std::accumulate(counts_.begin(), counts_.end(), std::size_t{0}); }

std::size_t cell::stopped() const {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i)
    if (detection::stopped(static_cast<outcome>(i))) sum += counts_[i];
  return sum;
}

std::size_t cell::contained() const {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i)
    if (detection::contained(static_cast<outcome>(i))) sum += counts_[i];
  return sum;
}

std::string cell::text() const {
  const std::string of_all = "/" + std::to_string(tries());
  std::string text;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    if (counts_[i] == tries()) return std::string(words[i]);
    if (!text.empty()) text += ", ";
    text += std::string(words[i]) + " " + std::to_string(counts_[i]) + of_all;
  }
  return text;
}

std::optional<cell> cell::parse(std::string_view text) {
  cell found;
  for (const std::string& part : split(text, ',')) {
    const std::size_t blank = part.find(' ');
    const auto which = word_number(part.substr(0, blank));
    if (!which) return std::nullopt;
    std::size_t times = 1;
    if (blank != std::string::npos) {
      const auto count = number(part.substr(blank + 1, part.find('/') - blank - 1));
      if (!count) return std::nullopt;
      times = *count;
    }
    found.counts_[*which] += times;
  }
  return found;
}

bool is_worse(const cell& now, const cell& stated, bool by_luck) {
  return is_fewer(now.stopped(), now.tries(), stated.stopped(), stated.tries(), by_luck) ||
         is_fewer(now.contained(), now.tries(), stated.contained(), stated.tries(), by_luck);
}

layout_cell layout_cell::of(const layout& measured) {
  std::vector<std::size_t> sorted = measured.frees;
  std::sort(sorted.begin(), sorted.end());
  return {measured.adjacent, sorted.front(), sorted[sorted.size() / 2]};
}

std::string layout_cell::adjacent_text() const { return std::to_string(std::lround(adjacent)) + " %"; }

std::string layout_cell::frees_text() const { return frees_number(least) + " / " + frees_number(median); }

page_tables::page_tables(std::istream& page) {
  std::vector<std::string> columns;
  for (std::string line; std::getline(page, line);) {
    if (line.empty() || line.front() != '|') {
      columns.clear();
      continue;
    }
    std::vector<std::string> cells = split(std::string_view(line).substr(1, line.rfind('|') - 1), '|');
    if (columns.empty()) {
      columns = std::move(cells);
      continue;
    }
    for (std::size_t i = 1; i < std::min(cells.size(), columns.size()); ++i) rows_[cells[0]][columns[i]] = cells[i];
  }
}

std::optional<std::string> page_tables::find(std::string_view row, std::string_view column) const {
  const auto of_row = rows_.find(row);
  if (of_row == rows_.end()) return std::nullopt;
  const auto found = of_row->second.find(column);
  if (found == of_row->second.end()) return std::nullopt;
  return found->second;
}

std::string adjacent_title(std::size_t bytes) {
  return "next block right beside the one before, " + std::to_string(bytes) + " B";
}

std::string frees_title(std::size_t bytes) {
  return "frees until an address comes back, least / median, " + std::to_string(bytes) + " B";
}

void print_head(std::ostream& out, std::string_view first, const std::vector<std::string>& columns) {
  print_row(out, first, columns);
  out << "|---|";
  for (std::size_t i = 0; i < columns.size(); ++i) out << "---|";
  out << '\n';
}

void print_row(std::ostream& out, std::string_view title, const std::vector<std::string>& cells) {
  out << "| " << title << " |";
  for (const std::string& c : cells) out << ' ' << c << " |";
  out << '\n';
}

}  // namespace allot::detection
