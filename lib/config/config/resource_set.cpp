#include <allot/config/config_error.hpp>
#include <utility>

#include "build.hpp"
#include "reader.hpp"
#include "words.hpp"

namespace allot {
namespace {

[[noreturn]] void not_found(const resource_set::state* set, std::string_view name, const std::string& what,
                            const std::vector<std::string>& names) {
  throw config_error(set != nullptr ? *set->is.source : "a config that was moved from", 0, 0, config::joined("", name),
                     "there is no " + what + " of that name" + config::suggestion(name, names, "there are"));
}

/// Refuses to replace what somebody still uses.
void check_unused(const resource_set::state& set, std::size_t index, const std::string& path) {
  const config::entry& old = set.is.entries[index];
  for (const config::entry& other : set.is.entries)
    for (const config::link& l : other.links)
      if (other.how != nullptr && l.target == index)
        config::fail({set.is.source, 0, 0}, path,
                     "cannot be replaced: " + other.key + " stands on it; replace or leave out that one first");
  const config::live_bytes live = config::bytes_in_use(set, index);
  if (!live.known)
    config::fail({set.is.source, 0, 0}, path,
                 "cannot be replaced: nobody can tell whether blocks of a " + old.how->name + " are live");
  if (live.bytes != 0)
    config::fail({set.is.source, 0, 0}, path,
                 "cannot be replaced: blocks of it are live, " + std::to_string(live.bytes) + " bytes");
}

/// Reads what stands below that table; errors name their keys below it, too.
config::node read_below(const std::string& path, std::string_view table,
                        const std::shared_ptr<const std::string>& source) {
  try {
    return config::read_toml(table, source);
  } catch (const config_error& wrong) {
    config::fail({source, wrong.line(), wrong.column()}, path + (wrong.key().empty() ? "" : "." + wrong.key()),
                 wrong.problem());
  }
}

/// While it lives, the default resource is the one from before the set's own was installed.
class default_of_before {
 public:
  explicit default_of_before(const resource_set::state& set) noexcept {
    if (set.default_installed == nullptr || std::pmr::get_default_resource() != set.default_installed) return;
    own_ = std::pmr::set_default_resource(set.default_before);
  }
  ~default_of_before() {
    if (own_ != nullptr) std::pmr::set_default_resource(own_);
  }
  default_of_before(const default_of_before&) = delete;
  default_of_before& operator=(const default_of_before&) = delete;

 private:
  std::pmr::memory_resource* own_ = nullptr;
};

/// Makes what is in the plan and not made yet. What takes the default resource takes it as when the set was built.
void make_new(const resource_set::state& set, const config::plan& next, std::vector<config::product>& made) {
  const default_of_before instead(set);
  for (const std::size_t i : next.order) {
    if (made[i].memory != nullptr || made[i].budget != nullptr) continue;
    try {
      made[i] = config::make_entry(next, i, made);
    } catch (...) {
      for (std::size_t j = next.order.size(); j-- > 0;) made[next.order[j]] = {};
      throw;
    }
  }
}

}  // namespace

resource_set::resource_set(std::unique_ptr<state> is) noexcept : state_(std::move(is)) {}
resource_set::resource_set(resource_set&&) noexcept = default;
resource_set& resource_set::operator=(resource_set&&) noexcept = default;
resource_set::~resource_set() = default;

std::pmr::memory_resource* resource_set::find(std::string_view name) const noexcept {
  if (state_ == nullptr) return nullptr;
  const std::size_t index = state_->is.find(name);
  return index != state_->is.entries.size() ? state_->made[index].memory : nullptr;
}

std::pmr::memory_resource* resource_set::operator[](std::string_view name) const {
  std::pmr::memory_resource* const found = find(name);
  if (found == nullptr) not_found(state_.get(), name, "resource", names());
  return found;
}

std::pmr::memory_resource* resource_set::default_resource() const noexcept {
  if (state_ == nullptr || state_->is.default_name.empty()) return nullptr;
  return state_->made[state_->is.find(state_->is.default_name)].memory;
}

std::pmr::memory_resource* resource_set::serving(std::string_view name) const noexcept {
  if (std::pmr::memory_resource* const named = find(name); named != nullptr) return named;
  if (std::pmr::memory_resource* const by_default = default_resource(); by_default != nullptr) return by_default;
  std::pmr::memory_resource* only = nullptr;
  for (std::size_t i = 0; state_ != nullptr && i < state_->is.entries.size(); ++i) {
    if (!state_->is.entries[i].is_named_resource()) continue;
    if (only != nullptr) return nullptr;
    only = state_->made[i].memory;
  }
  return only;
}

memory_budget& resource_set::budget(std::string_view name) const {
  std::vector<std::string> others;
  if (state_ != nullptr) {
    for (std::size_t i = 0; i < state_->is.entries.size(); ++i) {
      if (!state_->is.entries[i].is_budget || state_->is.entries[i].how == nullptr) continue;
      if (*state_->is.entries[i].name == name) return *state_->made[i].budget;
      others.push_back(*state_->is.entries[i].name);
    }
  }
  not_found(state_.get(), name, "budget", others);
}

std::vector<std::string> resource_set::names() const {
  return state_ != nullptr ? state_->is.names() : std::vector<std::string>();
}

std::string resource_set::describe() const { return state_ != nullptr ? config::describe(*state_) : std::string(); }

void resource_set::replace(std::string_view name, std::string_view table) {
  (void)(*this)[name];
  state& set = *state_;
  const std::size_t index = set.is.find(name);
  const std::string path = config::joined("resources", name);
  check_unused(set, index, path);

  const auto source = std::make_shared<const std::string>("replacement of " + path);
  config::plan next = config::replan(set.is, index, read_below(path, table, source));
  // All that is new is made beside the old, which stays if anything fails.
  std::vector<config::product> made = set.made;
  made.resize(next.entries.size());
  made[index] = {};
  for (const std::size_t i : config::in_place_below(set.is, index)) made[i] = {};
  const std::vector<config::product> kept = made;
  make_new(set, next, made);
  for (const std::size_t i : next.order)
    if (made[i].keep && kept[i].memory == nullptr) made[i].keep();

  std::pmr::memory_resource* const old = set.made[index].memory;
  if (set.default_installed == old) {
    if (std::pmr::get_default_resource() == old) std::pmr::set_default_resource(made[index].memory);
    set.default_installed = made[index].memory;
  }
  set.made.swap(made);
  const std::vector<std::size_t> order = std::exchange(set.is, std::move(next)).order;
  for (std::size_t i = order.size(); i-- > 0;) made[order[i]] = {};  // of those that stay, the set has a share
  // what only the old one stood on
  for (std::size_t i = 0; i < set.made.size(); ++i)
    if (set.is.entries[i].how == nullptr) set.made[i] = {};
}

}  // namespace allot
