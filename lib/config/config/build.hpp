#pragma once

#include <allot/config/resource_set.hpp>
#include <memory>
#include <vector>

#include "plan.hpp"

namespace allot {

/// What a resource_set has: a plan, and for each of its entries what was made of it.
struct resource_set::state {
  config::plan is;
  std::vector<config::product> made;
  std::pmr::memory_resource* default_installed = nullptr;
  std::pmr::memory_resource* default_before = nullptr;

  state() = default;
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state();

  void install_default();
};

namespace config {

/// Makes an entry, whose links are made.
/// @throws config_error, which names the entry's place, for all that goes wrong
product make_entry(const plan& whole, std::size_t index, const std::vector<product>& made);

/// @throws config_error; nothing is left
std::unique_ptr<resource_set::state> build(plan whole);

/// Bytes of a resource in use, as far as anybody knows.
struct live_bytes {
  bool known = false;
  std::size_t bytes = 0;
};
live_bytes bytes_in_use(const resource_set::state& set, std::size_t index);

std::string describe(const resource_set::state& set);

/// Lets a user's own strategy make a resource.
product make_by_user(const entry& wanted, const making& from);

}  // namespace config
}  // namespace allot
