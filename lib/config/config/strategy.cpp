#include "strategy.hpp"

#include <algorithm>

namespace allot::config {

const option* strategy::find(std::string_view key) const noexcept {
  const auto found = std::find_if(options.begin(), options.end(), [&](const option& row) { return row.name == key; });
  return found == options.end() ? nullptr : &*found;
}

std::pmr::memory_resource* making::memory(std::string_view key) const noexcept {
  for (const built_link& link : links)
    if (link.key == key) return link.memory;
  return nullptr;
}

memory_budget* making::budget(std::string_view key) const noexcept {
  for (const built_link& link : links)
    if (link.key == key) return link.budget;
  return nullptr;
}

const std::vector<strategy>& table_of_strategies() {
  static const std::vector<strategy> table = [] {
    std::vector<strategy> all;
    for (const auto& room : {&block_strategies, &arena_strategies, &pool_strategies, &general_strategies,
                             &secure_strategies, &adaptor_strategies, &standard_strategies})
      for (strategy& one : room()) all.push_back(std::move(one));
    return all;
  }();
  return table;
}

}  // namespace allot::config
