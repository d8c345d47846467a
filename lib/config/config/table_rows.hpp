#pragma once

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/os/virtual_memory.hpp>
#include <any>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "strategy.hpp"

namespace allot::config {

/// The bounds of a number.
struct within {
  std::uint64_t least = 0;
  std::uint64_t most = no_bound;
};

/// What an enumerator is called in config files: by its own name.
template <class Enum>
struct word {
  Enum value;
  std::string_view name;
};

/// Writes rows of the table for the members of an options struct.
template <class Options>
class rows {
 public:
  template <class T, class Owner>
  rows& flag(std::string_view name, T Owner::*member, std::string_view doc) {
    return add(base(name, option_kind::flag, doc), member);
  }

  template <class T, class Owner>
  rows& size(std::string_view name, T Owner::*member, std::string_view doc, within range = {}) {
    return add(numeric(name, option_kind::size, doc, range), member);
  }

  template <class T, class Owner>
  rows& count(std::string_view name, T Owner::*member, std::string_view doc, within range = {}) {
    range.most = std::min<std::uint64_t>(range.most, std::numeric_limits<typename plain<T>::type>::max());
    return add(numeric(name, option_kind::count, doc, range), member);
  }

  template <class Owner>
  rows& real(std::string_view name, double Owner::*member, std::string_view doc, double least, double most) {
    option row = base(name, option_kind::real, doc);
    row.least_real = least;
    row.most_real = most;
    return add(std::move(row), member);
  }

  template <class Owner>
  rows& text(std::string_view name, std::string Owner::*member, std::string_view doc) {
    constexpr std::uint64_t longest_path = 4096;
    return add(numeric(name, option_kind::text, doc, {0, longest_path}), member);
  }

  template <class Owner>
  rows& sizes(std::string_view name, std::vector<std::size_t> Owner::*member, std::string_view doc, within range) {
    return add(numeric(name, option_kind::sizes, doc, range), member);
  }

  template <class Enum, class T, class Owner>
  rows& choice(std::string_view name, T Owner::*member, std::string_view doc, std::vector<word<Enum>> words) {
    option row = base(name, option_kind::choice, doc);
    for (const word<Enum>& w : words) row.choices.emplace_back(w.name);
    row.set = [member, words](std::any& options, const option_value& value) {
      for (const word<Enum>& w : words)
        if (w.name == std::get<std::string>(value)) std::any_cast<Options&>(options).*member = w.value;
    };
    row.get = [member, words](const std::any& options) -> option_value {
      const std::optional<Enum> held = std::any_cast<const Options&>(options).*member;
      for (const word<Enum>& w : words)
        if (held == w.value) return std::string(w.name);
      return {};
    };
    rows_.push_back(std::move(row));
    return *this;
  }

  /// The last row also takes that word, which stands for `value`.
  rows& or_word(std::string_view name, std::uint64_t value = std::numeric_limits<std::size_t>::max()) {
    rows_.back().special = name;
    rows_.back().special_value = value;
    return *this;
  }
  rows& of(std::vector<std::string> numbers) {
    rows_.back().choices = std::move(numbers);
    return *this;
  }
  rows& power_of_two() {
    rows_.back().power_of_two = true;
    return *this;
  }
  rows& or_zero() {
    rows_.back().or_zero = true;
    return *this;
  }
  /// The last row has an effect only where that option has that value,
  rows& with(std::string_view key, std::string_view value = {}) {
    rows_.back().only = {key, value, true};
    return *this;
  }
  /// or is not set.
  rows& without(std::string_view key) {
    rows_.back().only = {key, {}, false};
    return *this;
  }
  rows& example(std::string_view value) {
    rows_.back().example = value;
    return *this;
  }
  rows& required() {
    rows_.back().required = true;
    return *this;
  }

  /// The last row, a list, has so many elements.
  rows& elements(std::size_t least, std::size_t most) {
    rows_.back().least = least;
    rows_.back().most = most;
    return *this;
  }

  /// A row that names another entry; where it leads is not in the options.
  rows& link(std::string_view name, option_kind kind, std::string_view doc) {
    rows_.push_back(base(name, kind, doc));
    return *this;
  }
  rows& upstream(std::string_view doc) { return link("upstream", option_kind::resource, doc); }

  /// The name, which every options struct of the suite has. A view of it must not outlive the text, so it is set when
  /// the resource is made, and shown from the config's own copy.
  rows& name() {
    option row = base("name", option_kind::text, "in errors and reports, instead of the table's own");
    row.least = 1;
    row.most = 31;  // what resources keep
    rows_.push_back(std::move(row));
    return *this;
  }

  std::vector<option> done() { return std::move(rows_); }

 private:
  static option base(std::string_view name, option_kind kind, std::string_view doc) {
    option row;
    row.name = name;
    row.kind = kind;
    row.doc = doc;
    return row;
  }

  static option numeric(std::string_view name, option_kind kind, std::string_view doc, within range) {
    option row = base(name, kind, doc);
    row.least = range.least;
    row.most = kind == option_kind::size ? std::min(range.most, address_space) : range.most;
    return row;
  }

  template <class T>
  struct plain {
    using type = T;
  };
  template <class T>
  struct plain<std::optional<T>> {
    using type = T;
  };

  template <class T>
  static T from_value(const option_value& value) {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
      return static_cast<T>(std::get<std::uint64_t>(value));
    else
      return std::get<T>(value);
  }

  template <class T>
  static option_value to_value(const T& held) {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
      return static_cast<std::uint64_t>(held);
    else
      return held;
  }
  template <class T>
  static option_value to_value(const std::optional<T>& held) {
    return held ? to_value(*held) : option_value();
  }

  template <class T, class Owner>
  rows& add(option row, T Owner::*member) {
    row.set = [member](std::any& options, const option_value& value) {
      std::any_cast<Options&>(options).*member = from_value<typename plain<T>::type>(value);
    };
    row.get = [member](const std::any& options) { return to_value(std::any_cast<const Options&>(options).*member); };
    rows_.push_back(std::move(row));
    return *this;
  }

  std::vector<option> rows_;
};

/// Begins an entry for strategies with options of that type.
template <class Options>
strategy entry_for(std::string_view name, std::string_view doc, book_keeping books, std::vector<option> options) {
  strategy made;
  made.name = name;
  made.doc = doc;
  made.books = books;
  made.options = std::move(options);
  made.defaults = [] { return std::any(Options()); };
  return made;
}

/// A product that owns a resource, and everything else that `owner` owns.
template <class Resource>
product owning(std::shared_ptr<Resource> made) {
  product result;
  result.memory = made.get();
  result.owner = std::move(made);
  return result;
}

/// The same, of a resource whose options are those it was made from, but for what `in_force` says.
template <class Options, class Resource, class InForce>
product owning_with(std::shared_ptr<Resource> made, const Options& told, InForce in_force) {
  product result = owning(made);
  result.options_in_force = [memory = made.get(), told, in_force] {
    Options now = told;
    in_force(now, *memory);
    return std::any(std::move(now));
  };
  return result;
}

/// What a number of bytes becomes where only whole pages can be had.
inline std::size_t in_whole_pages(std::size_t bytes) {
  const std::size_t page = os::facts().page_size;
  std::size_t rounded = 0;
  return page != 0 && checked_align_up(bytes, page, rounded) ? rounded : bytes;
}

/// The same, of a resource that tells its options.
template <class Options, class Resource>
product owning_with_options(std::shared_ptr<Resource> made) {
  product result = owning(made);
  result.options_in_force = [memory = made.get()] { return std::any(Options(memory->options())); };
  return result;
}

/// The upstream, or the default resource, as the drop-ins have it.
inline std::pmr::memory_resource* upstream_or_default(const making& from) {
  std::pmr::memory_resource* const named = from.memory("upstream");
  return named != nullptr ? named : std::pmr::get_default_resource();
}

}  // namespace allot::config
