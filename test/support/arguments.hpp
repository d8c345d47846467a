#pragma once

#include <algorithm>
#include <cstddef>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace allot::test {

/// What the program was asked for makes no sense; the text says why.
struct wrong_usage : std::invalid_argument {
  using invalid_argument::invalid_argument;
};

/// Calls take(name, value) for each option on a command line: value() is the argument behind it, which it then
/// consumes.
/// @throws wrong_usage when there is none
template <class Take>
void for_each_option(const std::vector<std::string>& arguments, Take take) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    take(name, [&]() -> const std::string& {
      if (i + 1 == arguments.size()) throw wrong_usage(name + " needs a value");
      return arguments[++i];
    });
  }
}

/// A number of at most six digits, from 1 to `most`.
inline std::size_t number_in(const std::string& text, std::size_t most) {
  const bool digits = !text.empty() && text.size() < 7 && text.find_first_not_of("0123456789") == std::string::npos;
  const std::size_t value = digits ? std::stoul(text) : 0;
  if (value == 0 || value > most) throw wrong_usage("not a number up to " + std::to_string(most) + ": '" + text + "'");
  return value;
}

/// The names between commas.
inline std::vector<std::string> names_in(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string name; std::getline(in, name, ',');) all.push_back(name);
  return all;
}

/// Those of `all` with one of these names, in the order of the names; all of them when there are no names.
template <class Named>
std::vector<Named> chosen_by_name(const std::vector<Named>& all, const std::vector<std::string>& names) {
  if (names.empty()) return all;
  std::vector<Named> chosen;
  for (const std::string& name : names) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Named& each) { return each.name == name; });
    if (found == all.end()) throw wrong_usage("no such candidate here: '" + name + "'");
    chosen.push_back(*found);
  }
  return chosen;
}

}  // namespace allot::test
