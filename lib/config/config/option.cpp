#include "option.hpp"

#include <algorithm>
#include <allot/core/byte_size.hpp>
#include <allot/core/checked_size.hpp>
#include <charconv>
#include <cmath>

#include "words.hpp"

namespace allot::config {
namespace {

constexpr std::uint64_t largest_integer = std::numeric_limits<std::int64_t>::max();

std::string number_text(const option& of, std::uint64_t value) {
  return of.kind == option_kind::count ? std::to_string(value) : format_byte_size(static_cast<std::size_t>(value));
}

std::string list_of(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

std::string range_of(const option& wanted) {
  if (!wanted.choices.empty()) return ": " + list_of(wanted.choices);
  std::string range;
  if (wanted.power_of_two) range += " that is a power of two";
  if (wanted.least != 0 && wanted.most != no_bound)
    range += " from " + number_text(wanted, wanted.least) + " to " + number_text(wanted, wanted.most);
  else if (wanted.least != 0)
    range += " of at least " + number_text(wanted, wanted.least);
  else if (wanted.most != no_bound)
    range += " of at most " + number_text(wanted, wanted.most);
  if (wanted.or_zero) range += ", or 0";
  return range;
}

[[noreturn]] void wrong_type(const option& wanted, const node& from, const std::string& key) {
  fail(from.at, key, "is " + std::string(name_of(from.is)) + " and must be " + allowed(wanted));
}

[[noreturn]] void wrong_value(const option& wanted, const node& from, const std::string& key) {
  fail(from.at, key, as_toml(from) + " is not allowed; it must be " + allowed(wanted));
}

bool parse_plain(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse_number(const option& wanted, std::string_view text, std::uint64_t& value) {
  if (!wanted.special.empty() && text == wanted.special) {
    value = wanted.special_value;
    return true;
  }
  if (wanted.kind == option_kind::count) return parse_plain(text, value);
  const parsed_byte_size size = parse_byte_size(text);
  value = size.bytes;
  return static_cast<bool>(size);
}

bool in_range(const option& wanted, std::uint64_t value) {
  if (!wanted.special.empty() && value == wanted.special_value) return true;
  if (wanted.or_zero && value == 0) return true;
  if (value > std::numeric_limits<std::size_t>::max() && wanted.kind != option_kind::count) return false;
  if (!wanted.choices.empty())
    return std::find(wanted.choices.begin(), wanted.choices.end(), std::to_string(value)) != wanted.choices.end();
  if (wanted.power_of_two && !is_power_of_two(static_cast<std::size_t>(value))) return false;
  if (value > max_object_bytes && wanted.kind == option_kind::size) return false;
  return value >= wanted.least && value <= wanted.most;
}

option_value read_sizes(const option& wanted, const node& from, const std::string& key) {
  if (from.is != node::type::list) wrong_type(wanted, from, key);
  constexpr std::size_t most_sizes = 96;
  if (from.items.empty() || from.items.size() > most_sizes)
    fail(from.at, key, "has " + std::to_string(from.items.size()) + " sizes and must be " + allowed(wanted));
  option one = wanted;
  one.kind = option_kind::size;
  std::vector<std::size_t> sizes;
  for (const node& item : from.items) sizes.push_back(static_cast<std::size_t>(read_number(one, item, key)));
  return sizes;
}

}  // namespace

std::uint64_t read_number(const option& wanted, const node& from, const std::string& key) {
  std::uint64_t value = 0;
  if (from.is == node::type::integer) {
    if (from.integer < 0) wrong_value(wanted, from, key);
    value = static_cast<std::uint64_t>(from.integer);
  } else if (from.is == node::type::text) {
    if (!parse_number(wanted, from.text, value)) wrong_value(wanted, from, key);
  } else {
    wrong_type(wanted, from, key);
  }
  if (!in_range(wanted, value)) wrong_value(wanted, from, key);
  return value;
}

option_value read_value(const option& wanted, const node& from, const std::string& key) {
  switch (wanted.kind) {
    case option_kind::flag:
      if (from.is != node::type::flag) wrong_type(wanted, from, key);
      return from.flag;
    case option_kind::size:
    case option_kind::count:
      return read_number(wanted, from, key);
    case option_kind::real: {
      if (from.is != node::type::real && from.is != node::type::integer) wrong_type(wanted, from, key);
      const double value = from.is == node::type::real ? from.real : static_cast<double>(from.integer);
      if (!(value >= wanted.least_real && value <= wanted.most_real)) wrong_value(wanted, from, key);
      return value;
    }
    case option_kind::choice:
      if (from.is != node::type::text) wrong_type(wanted, from, key);
      if (std::find(wanted.choices.begin(), wanted.choices.end(), from.text) == wanted.choices.end())
        fail(from.at, key, quoted(from.text) + " is not known" + suggestion(from.text, wanted.choices, "it takes"));
      return from.text;
    case option_kind::text:
      if (from.is != node::type::text) wrong_type(wanted, from, key);
      if (from.text.size() < wanted.least || from.text.size() > wanted.most || has_control(from.text))
        fail(from.at, key, quoted(from.text) + " is not allowed; it must be " + allowed(wanted));
      return from.text;
    case option_kind::sizes:
      return read_sizes(wanted, from, key);
    default:
      wrong_type(wanted, from, key);
  }
}

std::string allowed(const option& wanted) {
  std::string words;
  switch (wanted.kind) {
    case option_kind::flag:
      return "true or false";
    case option_kind::size:
      words = "a size" + range_of(wanted) + " (bytes, or a string such as \"64KiB\")";
      break;
    case option_kind::count:
      words = "a whole number" + range_of(wanted);
      break;
    case option_kind::real:
      return "a number from " + real_as_toml(wanted.least_real) + " to " + real_as_toml(wanted.most_real);
    case option_kind::choice:
      return "one of " + list_of(wanted.choices);
    case option_kind::text:
      return "a string of " + (wanted.least != 0 ? std::to_string(wanted.least) + " to " : "at most ") +
             std::to_string(wanted.most) + " bytes without control characters";
    case option_kind::sizes:
      return "a list of 1 to 96 sizes" + range_of(wanted);
    case option_kind::resource:
      return "the name of a resource, or a table { strategy = \"...\" }";
    case option_kind::resources:
      return "a list of resources, each a name or a table { strategy = \"...\" }";
    case option_kind::routes:
      return "a list of tables { max_bytes = ..., max_alignment = ..., to = RESOURCE }";
    case option_kind::budget:
      return "the name of a budget";
  }
  if (!wanted.special.empty()) words += ", or \"" + std::string(wanted.special) + "\"";
  return words;
}

std::string condition::text() const {
  std::string words = (set ? "with " : "without ") + std::string(key);
  if (!value.empty()) words += " = " + (value == "true" || value == "false" ? std::string(value) : as_text(value));
  return words;
}

std::string real_as_toml(double value) {
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  std::string text(digits, end);
  if (error != std::errc() || text.find_first_of(".en") == text.npos) text += ".0";
  return text;
}

std::string as_toml(const option& written, const option_value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* real = std::get_if<double>(&value)) return real_as_toml(*real);
  if (const auto* text = std::get_if<std::string>(&value)) return as_text(*text);
  if (const auto* number = std::get_if<std::uint64_t>(&value)) {
    if (!written.special.empty() && *number == written.special_value) return as_text(written.special);
    constexpr std::uint64_t kibibyte = 1024;
    if (written.kind == option_kind::size && *number >= kibibyte)
      return as_text(format_byte_size(static_cast<std::size_t>(*number)));
    return *number > largest_integer ? as_text(std::to_string(*number)) : std::to_string(*number);
  }
  if (const auto* sizes = std::get_if<std::vector<std::size_t>>(&value)) {
    std::string list = "[";
    for (const std::size_t size : *sizes) list += (list.size() > 1 ? ", " : "") + std::to_string(size);
    return list + "]";
  }
  return {};
}

std::string as_toml(const node& value) {
  switch (value.is) {
    case node::type::flag:
      return value.flag ? "true" : "false";
    case node::type::integer:
      return std::to_string(value.integer);
    case node::type::real:
      return std::isfinite(value.real) ? real_as_toml(value.real)
             : std::isnan(value.real)  ? "nan"
             : value.real < 0          ? "-inf"
                                       : "inf";
    case node::type::text:
      return as_text(value.text);
    case node::type::list: {
      std::string list = "[";
      for (const node& item : value.items) list += (list.size() > 1 ? ", " : "") + as_toml(item);
      return list + "]";
    }
    case node::type::table: {
      std::string table = "{";
      for (const member& m : value.members)
        table += (table.size() > 1 ? ", " : " ") + as_key(m.key) + " = " + as_toml(m.value);
      return table + (table.size() > 1 ? " }" : "}");
    }
    case node::type::other:
      break;
  }
  return "\"\"";
}

}  // namespace allot::config
