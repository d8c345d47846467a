#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>

#include "table_rows.hpp"
#include "words.hpp"

namespace allot {
namespace config {
namespace {

struct registry {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<const strategy>, std::less<>> users;  // guarded by the mutex
};

registry& all_registered() {
  static registry* const one = new registry;  // never destroyed: configs may be read at the end of the program, too
  return *one;
}

const strategy* find_ours(std::string_view name) {
  const std::vector<strategy>& table = table_of_strategies();
  const auto found = std::find_if(table.begin(), table.end(), [&](const strategy& one) { return one.name == name; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace

std::shared_ptr<const strategy> find_strategy(std::string_view name) {
  if (const strategy* const ours = find_ours(name)) return {std::shared_ptr<void>(), ours};
  registry& known = all_registered();
  const std::lock_guard lock(known.mutex);
  const auto found = known.users.find(name);
  return found != known.users.end() ? found->second : nullptr;
}

}  // namespace config

void register_strategy(std::string name, strategy_factory factory) {
  if (name.empty() || config::has_control(name))
    throw std::invalid_argument("a strategy needs a name without control characters, not " + config::quoted(name));
  if (!factory) throw std::invalid_argument("strategy " + config::quoted(name) + " needs a factory");
  auto made = std::make_shared<config::strategy>();
  made->name = name;
  made->doc = "registered by the program";
  made->options = config::rows<config::no_options>().upstream("where memory comes from").name().done();
  made->user_factory = std::move(factory);
  config::registry& known = config::all_registered();
  const std::lock_guard lock(known.mutex);
  if (name == config::budget_strategy().name || config::find_ours(name) != nullptr ||
      !known.users.emplace(name, std::move(made)).second)
    throw std::invalid_argument("a strategy of the name " + config::quoted(name) + " is there already");
}

std::vector<std::string> strategy_names() {
  std::vector<std::string> names;
  for (const config::strategy& one : config::table_of_strategies()) names.push_back(one.name);
  config::registry& known = config::all_registered();
  {
    const std::lock_guard lock(known.mutex);
    for (const auto& [name, made] : known.users) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace allot
