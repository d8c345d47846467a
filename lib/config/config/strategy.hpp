#pragma once

#include <allot/block/memory_budget.hpp>
#include <allot/config/register_strategy.hpp>
#include <any>
#include <cstddef>
#include <functional>
#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "option.hpp"

namespace allot::config {

/// Of strategies without any.
struct no_options {};

/// What an entry stands on, once that is built.
struct built_link {
  std::string_view key;                         ///< the option: "upstream", "fallback", ...
  std::pmr::memory_resource* memory = nullptr;  ///< null: a budget
  memory_budget* budget = nullptr;
  std::size_t max_bytes = 0;  ///< of a route
  std::size_t max_alignment = 0;
};

/// What a strategy is made from.
struct making {
  std::string_view name;          ///< of the resource to be; lives as long as what is made
  std::vector<built_link> links;  ///< in the order of the file

  /// What stands under that key; null where nothing does.
  std::pmr::memory_resource* memory(std::string_view key) const noexcept;
  memory_budget* budget(std::string_view key) const noexcept;
};

/// Something built, and how to ask it for its options.
struct product {
  std::shared_ptr<void> owner;                  ///< of all it takes; empty where it is not ours, as the standard's
  std::pmr::memory_resource* memory = nullptr;  ///< null: a budget
  memory_budget* budget = nullptr;
  std::function<std::size_t()> live_bytes = {};     ///< of book_keeping::counted
  std::function<std::any()> options_in_force = {};  ///< empty: those it was made from
  std::function<void()> keep = {};  ///< called when all is made; what was made outside stays from then on
};

/// Who knows whether blocks of a resource are live.
enum class book_keeping {
  own,       ///< usage().used does
  reserved,  ///< usage().reserved does, once the cache is empty
  counted,   ///< product::live_bytes does
  upstream,  ///< its upstreams do
  none,      ///< nobody
};

/// What is wrong with options that are all right one by one.
struct objection {
  std::string_view key = {};  ///< the option that is at fault
  std::string problem = {};   ///< empty: nothing is wrong
};

/// The objection to a largest size below the first one, where the table gives it.
objection objection_to_order(std::size_t first, std::size_t largest, const node& table, std::string_view key_of_first,
                             std::string_view key_of_largest);

/// The objection to more guarded slots than there are addresses for.
objection objection_to_slots(std::size_t slots, std::size_t bytes, const node& table, std::string_view key_of_bytes);

/// One entry of the table of strategies.
struct strategy {
  std::string name;
  std::string doc;
  book_keeping books = book_keeping::none;
  std::vector<option> options = {};
  std::function<std::any()> defaults = {};
  /// What options become in a resource that was told none; where it differs from the defaults, descriptions leave that
  /// out, too. Empty: as the defaults.
  std::function<std::any(const std::any& options)> untold = {};
  std::function<objection(const std::any& options, const node& table)> object = {};
  std::function<product(const std::any& options, const making& from)> make = {};
  strategy_factory user_factory = {};  ///< of a user's own, which reads the options it has beside those here itself

  const option* find(std::string_view key) const noexcept;
  bool is_user_defined() const noexcept { return static_cast<bool>(user_factory); }
};

/// The strategies of a room; see *_strategies.cpp.
std::vector<strategy> block_strategies();
std::vector<strategy> arena_strategies();
std::vector<strategy> pool_strategies();
std::vector<strategy> general_strategies();
std::vector<strategy> secure_strategies();
std::vector<strategy> adaptor_strategies();
std::vector<strategy> standard_strategies();

/// What [budgets.NAME] makes.
const strategy& budget_strategy();

/// All of them that [resources.NAME] makes, without users' own.
const std::vector<strategy>& table_of_strategies();

/// Ours or a user's; null when there is none of that name.
std::shared_ptr<const strategy> find_strategy(std::string_view name);

}  // namespace allot::config
