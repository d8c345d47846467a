#include "strategy.hpp"

#include <algorithm>
#include <allot/core/byte_size.hpp>
#include <allot/os/virtual_memory.hpp>

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

objection objection_to_order(std::size_t first, std::size_t largest, const node& table, std::string_view key_of_first,
                             std::string_view key_of_largest) {
  if (first <= largest || table.find(key_of_largest) == nullptr) return {};  // a default makes way
  return {key_of_largest, "is below " + std::string(key_of_first) + ", which is " + format_byte_size(first)};
}

objection objection_to_slots(std::size_t slots, std::size_t bytes, const node& table, std::string_view key_of_bytes) {
  const std::size_t guard = os::facts().page_size;
  std::size_t all = 0;
  const bool possible = checked_align_up(bytes, std::max<std::size_t>(guard, 1), all) && checked_add(all, guard, all) &&
                        checked_multiply(all, slots, all) && all <= address_space - guard;
  if (possible) return {};
  const std::string_view key = table.find(key_of_bytes) != nullptr ? key_of_bytes : "slots";
  return {key, std::to_string(slots) + " slots of " + format_byte_size(bytes) +
                   " are more than a process has addresses for; slots * " + std::string(key_of_bytes) +
                   " must be at most " + format_byte_size(static_cast<std::size_t>(address_space))};
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
