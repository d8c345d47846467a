#include "build.hpp"

#include <algorithm>
#include <allot/config/config_error.hpp>
#include <allot/core/resource.hpp>
#include <atomic>
#include <exception>
#include <utility>

namespace allot {
namespace {

/// Whether a set has put its own default resource in force. Two at a time could not both put back what was there
/// before.
std::atomic<bool> default_taken{false};

}  // namespace

void resource_set::state::install_default() {
  if (is.default_name.empty()) return;
  if (default_taken.exchange(true))
    config::fail(is.default_at, "default",
                 "another config that lives has installed a default resource already; two cannot both put back what "
                 "was there before");
  default_installed = made[is.find(is.default_name)].memory;
  default_before = std::pmr::set_default_resource(default_installed);
}

resource_set::state::~state() {
  if (default_installed != nullptr) {
    if (std::pmr::get_default_resource() == default_installed) std::pmr::set_default_resource(default_before);
    default_taken = false;
  }
  for (std::size_t i = is.order.size(); i-- > 0;)
    if (is.order[i] < made.size()) made[is.order[i]] = {};
}

namespace config {

product make_entry(const plan& whole, std::size_t index, const std::vector<product>& made) {
  const entry& wanted = whole.entries[index];
  making from;
  from.name = *wanted.label;
  for (const link& l : wanted.links)
    from.links.push_back({l.key->name, made[l.target].memory, made[l.target].budget, l.max_bytes, l.max_alignment});
  try {
    return wanted.how->is_user_defined() ? make_by_user(wanted, from) : wanted.how->make(wanted.options, from);
  } catch (const config_error&) {
    throw;
  } catch (const std::exception& reason) {
    fail(wanted.at, wanted.path(), std::string("cannot be made: ") + reason.what());
  } catch (...) {
    fail(wanted.at, wanted.path(), "cannot be made: what was thrown is no std::exception");
  }
}

std::unique_ptr<resource_set::state> build(plan whole) {
  auto set = std::make_unique<resource_set::state>();
  set->is = std::move(whole);
  set->made.resize(set->is.entries.size());
  for (const std::size_t i : set->is.order) set->made[i] = make_entry(set->is, i, set->made);
  set->install_default();
  return set;
}

live_bytes bytes_in_use(const resource_set::state& set, std::size_t index) {
  const entry& asked = set.is.entries[index];
  resource* const ours = as_resource(set.made[index].memory);
  switch (asked.how->books) {
    case book_keeping::own:
      if (ours == nullptr) return {};
      return {true, ours->usage().used};
    case book_keeping::reserved:
      if (ours == nullptr) return {};
      (void)ours->trim();
      return {true, ours->usage().reserved};
    case book_keeping::counted:
      return {true, set.made[index].live_bytes()};
    case book_keeping::upstream: {
      live_bytes sum{true, ours != nullptr ? ours->usage().used : 0};
      for (const link& l : asked.links) {
        const live_bytes below = bytes_in_use(set, l.target);
        sum = {sum.known && below.known, std::max(sum.bytes, below.bytes)};
      }
      return sum;
    }
    case book_keeping::none:
      break;
  }
  return {};
}

}  // namespace config
}  // namespace allot
