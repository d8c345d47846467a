#pragma once

#include <array>
#include <cstddef>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "detection/layout.hpp"
#include "detection/outcome.hpp"

namespace allot::detection {

/// What came of one attack on one candidate, in several tries. As text: `abort`, or `abort 5/6, missed 1/6`.
class cell {
 public:
  void add(outcome of) { ++counts_[static_cast<std::size_t>(of)]; }

  std::size_t tries() const;
  std::size_t stopped() const;
  std::size_t contained() const;
  std::size_t count(outcome of) const { return counts_[static_cast<std::size_t>(of)]; }
  std::string text() const;
  /// Nothing for a text of another form.
  static std::optional<cell> parse(std::string_view text);

 private:
  std::array<std::size_t, outcome_count> counts_{};
};

/// Whether `now`, of few tries, cannot be what `stated` says: it stops or contains less than luck explains once in ten
/// thousand times.
/// @param by_luck  whether tries of one kind differ
bool is_worse(const cell& now, const cell& stated, bool by_luck);

/// What the second table says of one candidate and size.
struct layout_cell {
  double adjacent = 0;    ///< percent
  std::size_t least = 0;  ///< frees until an address comes back
  std::size_t median = 0;

  static layout_cell of(const layout& measured);
  std::string adjacent_text() const;
  std::string frees_text() const;
};

/// Tables of a page, by row and column titles.
class page_tables {
 public:
  explicit page_tables(std::istream& page);
  std::optional<std::string> find(std::string_view row, std::string_view column) const;

 private:
  std::map<std::string, std::map<std::string, std::string, std::less<>>, std::less<>> rows_;
};

std::string adjacent_title(std::size_t bytes);
std::string frees_title(std::size_t bytes);

void print_head(std::ostream& out, std::string_view first, const std::vector<std::string>& columns);
void print_row(std::ostream& out, std::string_view title, const std::vector<std::string>& cells);

}  // namespace allot::detection
