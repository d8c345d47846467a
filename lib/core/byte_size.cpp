#include <algorithm>
#include <allot/core/byte_size.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/core/memory_errc.hpp>
#include <array>
#include <charconv>
#include <stdexcept>

namespace allot {
namespace {

struct unit {
  std::string_view name;
  unsigned shift;
};

constexpr std::array<unit, 5> units{{{"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}}};

constexpr std::size_t largest = static_cast<std::size_t>(-1);

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_letters(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

std::string_view without_blanks(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\r\n";
  while (!text.empty() && blanks.find(text.front()) != blanks.npos) text.remove_prefix(1);
  while (!text.empty() && blanks.find(text.back()) != blanks.npos) text.remove_suffix(1);
  return text;
}

}  // namespace

namespace literals::detail {
void throw_byte_size_overflow() { throw std::overflow_error("byte size literal does not fit std::size_t"); }
}  // namespace literals::detail

parsed_byte_size parse_byte_size(std::string_view text) noexcept {
  text = without_blanks(text);
  std::size_t count = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool too_large = status == std::errc::result_out_of_range;
  if (status != std::errc() && !too_large) return {0, memory_errc::invalid_size};

  const std::string_view suffix = without_blanks(text.substr(static_cast<std::size_t>(end - text.data())));
  const auto found = std::find_if(units.begin(), units.end(), [&](const unit& candidate) {
    return suffix.empty() || same_letters(suffix, candidate.name);  // no suffix: the first, bytes
  });
  if (found == units.end()) return {0, memory_errc::invalid_size};
  if (too_large) return {0, memory_errc::size_overflow};
  if (count == 0) return {0, {}};
  const bool fits = found->shift < sizeof(std::size_t) * 8 && count <= (largest >> found->shift);
  return fits ? parsed_byte_size{count << found->shift, {}} : parsed_byte_size{0, memory_errc::size_overflow};
}

std::string format_byte_size(std::size_t bytes) {
  const unit* best = &units.front();
  for (const unit& candidate : units)
    if (candidate.shift < sizeof(std::size_t) * 8 && bytes != 0 &&
        (bytes >> candidate.shift) << candidate.shift == bytes)
      best = &candidate;
  return std::to_string(bytes >> best->shift).append(best->name);
}

}  // namespace allot
