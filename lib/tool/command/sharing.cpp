#include "sharing.hpp"

#include <algorithm>
#include <allot/core/resource.hpp>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "command.hpp"

namespace allot::tool {
namespace {

using users = std::set<std::uintptr_t>;  // numbers of threads, and addresses of what calls under a lock of its own

/// Threads that use each resource of the trace.
std::vector<users> users_of(const replay_program& program) {
  std::vector<users> all(program.resources().size());
  for (const replay_program::operation& each : program.operations()) all[each.resource].insert(each.thread);
  return all;
}

bool calls_under_a_lock(const resource& memory) {
  constexpr std::array<std::string_view, 4> kinds{"synchronized_resource", "concurrent_pool",
                                                  "concurrent_general_resource", "synchronized_secure_resource"};
  return std::find(kinds.begin(), kinds.end(), memory.kind()) != kinds.end();
}

/// Adds the users to each of what it stands on, down to the system.
void add_users(std::pmr::memory_resource* memory, users who, std::map<std::pmr::memory_resource*, users>& all) {
  while (memory != nullptr) {
    all[memory].insert(who.begin(), who.end());
    const resource* const ours = as_resource(memory);
    if (ours == nullptr) return;
    if (calls_under_a_lock(*ours)) who = {reinterpret_cast<std::uintptr_t>(ours)};
    memory = ours->upstream();
  }
}

}  // namespace

bool is_for_one_thread(const std::pmr::memory_resource& memory) {
  constexpr std::array<std::string_view, 10> kinds{
      "pool_resource", "coalescing_heap", "general_resource", "secure_resource", "monotonic_arena",
      "chained_arena", "local_arena",     "scratch_pair",     "budget_slice",    "secure_scratch"};
  if (const resource* const ours = as_resource(&memory); ours != nullptr)
    return std::find(kinds.begin(), kinds.end(), ours->kind()) != kinds.end();
  return dynamic_cast<const std::pmr::unsynchronized_pool_resource*>(&memory) != nullptr ||
         dynamic_cast<const std::pmr::monotonic_buffer_resource*>(&memory) != nullptr;
}

void check_sharing(const replay_program& program, const config_candidate& candidate, const replay_options& options) {
  if (!options.threads || program.threads() < 2) return;
  const std::vector<users> of_trace = users_of(program);
  std::vector<std::shared_ptr<std::pmr::memory_resource>> made;
  std::map<std::pmr::memory_resource*, users> all;
  for (std::size_t i = 0; i < of_trace.size(); ++i) {
    made.push_back(candidate.replayed.make(program.resources()[i]));
    add_users(made.back().get(), of_trace[i], all);
  }
  for (const auto& [memory, who] : all) {
    if (who.size() < 2 || !is_for_one_thread(*memory)) continue;
    const resource* const ours = as_resource(memory);
    throw command_error(bad_config, candidate.replayed.name + ": " +
                                        (ours != nullptr ? std::string(ours->name()) : "a resource of the standard's") +
                                        " is for one thread, and several of the trace use it: put a "
                                        "synchronized_resource over it, or say --one-thread");
  }
}

}  // namespace allot::tool
