#include <algorithm>
#include <allot/config/config_error.hpp>
#include <exception>
#include <utility>

#include "build.hpp"
#include "table_rows.hpp"
#include "words.hpp"

namespace allot {

/// What is being read, and which of its keys were.
struct strategy_request::state {
  const config::entry& wanted;
  const config::making& from;
  std::vector<std::string> read = {};

  /// The member of that key, which counts as read from now on; null where there is none.
  const config::member* find(std::string_view key) {
    read.emplace_back(key);
    return wanted.written.find(key);
  }

  config::option_value value(const config::option& row, config::option_value otherwise) {
    const config::member* const given = find(row.name);
    return given == nullptr ? std::move(otherwise)
                            : config::read_value(row, given->value, config::joined(wanted.key, row.name));
  }

  std::uint64_t number(std::string_view key, config::option_kind kind, std::uint64_t otherwise, std::uint64_t least,
                       std::uint64_t most) {
    config::option row{key, kind, ""};
    row.least = least;
    row.most = most;
    return std::get<std::uint64_t>(value(row, otherwise));
  }
};

std::string_view strategy_request::name() const noexcept { return state_.from.name; }
std::pmr::memory_resource* strategy_request::upstream() const noexcept { return state_.from.memory("upstream"); }

bool strategy_request::flag(std::string_view key, bool otherwise) {
  return std::get<bool>(state_.value({key, config::option_kind::flag, ""}, otherwise));
}

std::size_t strategy_request::size(std::string_view key, std::size_t otherwise, std::size_t least, std::size_t most) {
  // all sizes there are is no bound to tell people about
  const std::uint64_t bound = most == unlimited ? config::no_bound : most;
  return static_cast<std::size_t>(state_.number(key, config::option_kind::size, otherwise, least, bound));
}

std::uint64_t strategy_request::count(std::string_view key, std::uint64_t otherwise, std::uint64_t least,
                                      std::uint64_t most) {
  return state_.number(key, config::option_kind::count, otherwise, least, most);
}

double strategy_request::real(std::string_view key, double otherwise, double least, double most) {
  config::option row{key, config::option_kind::real, ""};
  row.least_real = least;
  row.most_real = most;
  return std::get<double>(state_.value(row, otherwise));
}

std::string strategy_request::text(std::string_view key, std::string otherwise) {
  config::option row{key, config::option_kind::text, ""};
  row.most = std::size_t{64} << 10;
  return std::get<std::string>(state_.value(row, std::move(otherwise)));
}

std::string strategy_request::choice(std::string_view key, std::string otherwise, std::vector<std::string> words) {
  config::option row{key, config::option_kind::choice, ""};
  row.choices = std::move(words);
  return std::get<std::string>(state_.value(row, std::move(otherwise)));
}

void strategy_request::refuse(std::string_view key, const std::string& problem) const {
  const config::member* const given = state_.wanted.written.find(key);
  config::fail(given != nullptr ? given->value.at : state_.wanted.at, config::joined(state_.wanted.key, key), problem);
}

namespace config {

product make_by_user(const entry& wanted, const making& from) {
  strategy_request::state reading{wanted, from};
  strategy_request request(reading);
  std::shared_ptr<std::pmr::memory_resource> made = wanted.how->user_factory(request);
  if (made == nullptr) fail(wanted.at, wanted.blamed, "the factory of " + wanted.how->name + " made nothing");
  std::vector<std::string> known{"strategy", "upstream", "name"};
  known.insert(known.end(), reading.read.begin(), reading.read.end());
  for (const member& m : wanted.written.members)
    if (std::find(known.begin(), known.end(), m.key) == known.end())
      fail(m.at, joined(wanted.key, m.key), "is no option of " + wanted.how->name + suggestion(m.key, known, "it has"));
  return owning(std::move(made));
}

}  // namespace config
}  // namespace allot
