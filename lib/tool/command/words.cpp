#include "words.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

namespace allot::tool {
namespace {

/// How many bytes of UTF-8 (RFC 3629) a text begins with for one character; 0 where that is none.
std::size_t length_of_character(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  const unsigned second = byte(1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;  // too long, or a surrogate
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;  // too long, or too large
  return length;
}

/// C0 and C1 controls, and the characters that turn the direction of text.
bool is_control(std::string_view character) noexcept {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  const auto second = static_cast<unsigned char>(character[1]);
  if (character.size() == 2) return first == 0xc2 && second < 0xa0;
  if (character.size() != 3 || first != 0xe2) return false;
  const auto third = static_cast<unsigned char>(character[2]);
  return (second == 0x80 && third >= 0xa8 && third <= 0xae) || (second == 0x81 && third >= 0xa6 && third <= 0xa9);
}

template <class... Values>
std::string formatted(const char* format, Values... values) {
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), format, values...);
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace

std::string printable(std::string_view text, keep_lines lines) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = length_of_character(text);
    const std::string_view character = text.substr(0, length != 0 ? length : 1);
    const bool kept = length != 0 && (!is_control(character) || (lines == keep_lines::yes && character == "\n"));
    clean.append(kept ? character : "?");
    text.remove_prefix(character.size());
  }
  return clean;
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes == 1) return "1 byte";
  if (bytes < 1024) return std::to_string(bytes) + " bytes";
  constexpr std::array<const char*, 6> units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1023.95 && unit + 1 < units.size(); ++unit) value /= 1024;
  return formatted("%.1f %s", value, units[unit]);
}

std::string time_text(std::uint64_t nanoseconds) {
  if (nanoseconds < 1000) return std::to_string(nanoseconds) + " ns";
  constexpr std::array<const char*, 3> units{"us", "ms", "s"};
  double value = static_cast<double>(nanoseconds) / 1000;
  std::size_t unit = 0;
  for (; value >= 999.995 && unit + 1 < units.size(); ++unit) value /= 1000;
  return formatted("%.2f %s", value, units[unit]);
}

std::string date_text(std::uint64_t nanoseconds) {
  const auto seconds = static_cast<std::time_t>(nanoseconds / 1000000000);
  const std::tm* const parts = std::gmtime(&seconds);
  std::array<char, 64> text{};
  if (parts == nullptr || std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", parts) == 0) return "never";
  return text.data();
}

std::string hex_text(std::uint64_t number) { return formatted("0x%llx", static_cast<unsigned long long>(number)); }

std::string percent_text(double part) { return formatted("%.1f %%", 100 * part); }

std::string count_text(std::uint64_t count, std::string_view of) {
  return std::to_string(count) + " " + std::string(of) + (count == 1 ? "" : "s");
}

std::string json_text(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace allot::tool
