#pragma once

#include <any>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "node.hpp"
#include "strategy.hpp"

namespace allot::config {

/// One entry stands on another.
struct link {
  const option* key = nullptr;  ///< a row of the entry's strategy
  std::size_t target = 0;       ///< among the entries
  place at;
  std::size_t max_bytes = 0;  ///< of a route
  std::size_t max_alignment = 0;
};

/// A resource or budget that is to be made.
struct entry {
  std::shared_ptr<const std::string> name;   ///< of its table; of one in place its path, such as "entities.upstream"
  std::shared_ptr<const std::string> label;  ///< what the resource calls itself
  bool is_budget = false;
  bool in_place = false;                ///< written where it is used, and nowhere else
  std::string key = {};                 ///< of the table, such as "resources.entities.upstream"
  place at;                             ///< of the table; of the setting, where one has changed it
  std::string blamed = {};              ///< the key of what is at that place
  std::shared_ptr<const strategy> how;  ///< null: there was an entry here, until it was replaced
  std::any options;                     ///< of a strategy of the suite
  node written;                         ///< of a user's own: the table, for its factory to read
  std::vector<link> links;

  bool is_named_resource() const noexcept { return how != nullptr && !is_budget && !in_place; }
};

/// A whole config, found good but not built.
struct plan {
  std::shared_ptr<const std::string> source;
  std::vector<entry> entries;      ///< in the order of the file, those in place behind all others
  std::vector<std::size_t> order;  ///< of building: nothing comes before what it stands on
  std::string default_name;        ///< empty: none
  place default_at;
  bool install_default = true;

  /// Of a resource with that name; entries.size() when there is none.
  std::size_t find(std::string_view name) const noexcept;
  std::vector<std::string> names() const;  ///< of the resources that are not in place
};

/// @throws config_error
plan make_plan(const node& root, const std::shared_ptr<const std::string>& source);

/// Marks an entry, and all it stands on.
void gather(const plan& from, std::size_t index, std::vector<bool>& gathered);

/// Leaves out what is none of these resources, and what none of them stands on.
/// @throws config_error for a name that is not there
void keep_only(plan& whole, const std::vector<std::string>& names);

/// What is written in place below an entry.
std::vector<std::size_t> in_place_below(const plan& whole, std::size_t index);

/// The plan with another table for the resource of that name; what only the old one stood on is gone.
/// @throws config_error
plan replan(plan before, std::size_t replaced, const node& table);

}  // namespace allot::config
