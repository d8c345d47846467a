#pragma once

#include <allot/core/checked_size.hpp>
#include <any>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "node.hpp"

namespace allot::config {

/// What an option is set to; std::monostate where it is left to others, as an option of a secure_resource is to the
/// level.
using option_value = std::variant<std::monostate, bool, std::uint64_t, double, std::string, std::vector<std::size_t>>;

enum class option_kind {
  flag,
  size,    ///< bytes: a whole number, or a string with a unit
  count,   ///< a whole number
  real,    ///< a number
  choice,  ///< one of some words
  text,
  sizes,      ///< a list of sizes
  resource,   ///< a resource: its name, or a table in place
  resources,  ///< a list of those
  routes,     ///< a list of tables with a resource each
  budget,     ///< the name of a budget
};

inline constexpr std::uint64_t no_bound = std::numeric_limits<std::uint64_t>::max();

/// What a process has addresses for, at most: no larger size can ever be had.
inline constexpr std::uint64_t address_space = sizeof(std::size_t) > 4 ? std::uint64_t{1} << 47 : max_object_bytes;

/// What an option needs beside it to have any effect.
struct condition {
  std::string_view key = {};    ///< another option; empty: nothing
  std::string_view value = {};  ///< it must have that value; empty: it must be set, or not, as `set` says
  bool set = true;

  std::string text() const;  ///< such as `with spacing = "geometric"`, `without upstream`
};

/// One row of the table of strategies: an option as config files name it, what it may be, what it means, and how it
/// gets into the options struct and out again. Parsing, errors, descriptions and the reference all come from it.
struct option {
  std::string_view name;
  option_kind kind = option_kind::flag;
  std::string_view doc;
  bool required = false;
  std::uint64_t least = 0;
  std::uint64_t most = no_bound;
  double least_real = 0;
  double most_real = 0;
  bool power_of_two = false;
  bool or_zero = false;                    ///< 0 is allowed, too, whatever the bounds
  std::string_view special = {};           ///< a word that stands for special_value
  std::uint64_t special_value = no_bound;  ///< where `special` is not empty
  std::vector<std::string> choices = {};   ///< of option_kind::choice; of numbers, where only some are allowed
  condition only = {};                     ///< without which it has no effect
  std::string_view example = {};           ///< what the reference has it at, instead of the default
  std::function<void(std::any& options, const option_value& value)> set = {};
  std::function<option_value(const std::any& options)> get = {};

  bool refers() const noexcept { return kind >= option_kind::resource; }
};

/// Reads a value for an option.
/// @throws config_error that says what is allowed
option_value read_value(const option& wanted, const node& from, const std::string& key);

/// A size or count from a string or whole number, between bounds.
std::uint64_t read_number(const option& wanted, const node& from, const std::string& key);

/// What the option takes, in words: "a size from 4KiB to 32KiB (bytes, or a string such as "64KiB")".
std::string allowed(const option& wanted);

/// As TOML.
std::string as_toml(const option& written, const option_value& value);
std::string as_toml(const node& value);
std::string real_as_toml(double value);

}  // namespace allot::config
