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
  if (is.default_name.empty() || !is.install_default) return;
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
    fail(wanted.at, wanted.blamed, std::string("cannot be made: ") + reason.what());
  } catch (...) {
    fail(wanted.at, wanted.blamed, "cannot be made: what was thrown is no std::exception");
  }
}

std::unique_ptr<resource_set::state> build(plan whole) {
  auto set = std::make_unique<resource_set::state>();
  set->is = std::move(whole);
  set->made.resize(set->is.entries.size());
  for (const std::size_t i : set->is.order) set->made[i] = make_entry(set->is, i, set->made);
  set->install_default();
  for (const product& one : set->made)
    if (one.keep) one.keep();
  return set;
}

namespace {

/// Blocks of no bytes are live, too.
live_bytes by_own_books(const resource& asked) {
  std::size_t used = asked.usage().used;
  if (used == 0)
    asked.for_each_block([&](const block_info& block) {
      if (block.state == block_state::used) used = 1;
    });
  return {true, used};
}

live_bytes bytes_of(const resource_set::state& set, std::size_t index, const std::vector<live_bytes>& below) {
  const entry& asked = set.is.entries[index];
  resource* const ours = as_resource(set.made[index].memory);
  switch (asked.how->books) {
    case book_keeping::own:
      return ours != nullptr ? by_own_books(*ours) : live_bytes{};
    case book_keeping::reserved:
      if (ours == nullptr) return {};
      (void)ours->trim();
      return {true, ours->usage().reserved};
    case book_keeping::counted:
      return {true, set.made[index].live_bytes()};
    case book_keeping::upstream: {
      live_bytes most{true, ours != nullptr ? by_own_books(*ours).bytes : 0};
      for (const link& l : asked.links)
        most = {most.known && below[l.target].known, std::max(most.bytes, below[l.target].bytes)};
      return most;
    }
    case book_keeping::none:
      break;
  }
  return {};
}

}  // namespace

live_bytes bytes_in_use(const resource_set::state& set, std::size_t index) {
  std::vector<bool> asked(set.is.entries.size());
  gather(set.is, index, asked);
  std::vector<live_bytes> found(asked.size());
  for (const std::size_t i : set.is.order)  // what an entry stands on comes before it
    if (asked[i]) found[i] = bytes_of(set, i, found);
  return found[index];
}

}  // namespace config
}  // namespace allot
