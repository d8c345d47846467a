#include "candidates.hpp"

#include <allot/config/config.hpp>
#include <allot/trace/std_pool_on_pages.hpp>
#include <cstdint>
#include <memory>
#include <utility>

namespace allot::tool {
namespace {

/// One config's resources, for as long as one replay has any of them.
class config_stack {
 public:
  config_stack(std::string text, std::string source) : text_(std::move(text)), source_(std::move(source)) {
    check_config(text_, source_, settings());
  }

  std::shared_ptr<std::pmr::memory_resource> operator()(std::string_view wanted) {
    std::shared_ptr<resource_set> set = set_.lock();
    if (set == nullptr) {
      set = std::make_shared<resource_set>(parse_config(text_, source_, settings()));
      set_ = set;
    }
    std::pmr::memory_resource* const found = set->serving(wanted);
    if (found == nullptr)
      throw config_error(source_, 0, 0, "default", "neither a resource \"" + std::string(wanted) + "\" nor a default");
    return {set, found};
  }

 private:
  static config_settings settings() {
    config_settings made;
    made.install_default = false;
    return made;
  }

  std::string text_;
  std::string source_;
  std::weak_ptr<resource_set> set_;
};

constexpr std::uint64_t most_for_arenas = std::uint64_t{1} << 30;  // what a monotonic_arena reserves
constexpr std::size_t most_events_for_pages = 20'000;              // each takes a call of the system, or two

/// All blocks one behind the other, as in an arena.
std::uint64_t bytes_without_frees(const replay_program& program) {
  std::uint64_t bytes = 0;
  for (const replay_program::operation& each : program.operations()) {
    if (each.what == replay_program::action::allocate)
      bytes += each.bytes + (std::uint64_t{1} << each.alignment_log2);
    else if (each.what == replay_program::action::expand)
      bytes += each.new_bytes;
    if (bytes > most_for_arenas) break;
  }
  return bytes;
}

/// A strategy, the table it is written as, and whether it needs a lock for threads.
struct built_in {
  const char* strategy;
  const char* upstream;  // null: its own
  bool thread_safe;
};

/// The standard's pools do not tell what they take, so what is measured is one that counts its pages.
template <class Pool>
config_candidate telling(config_candidate candidate) {
  candidate.replayed.make = [kind = candidate.replayed.name,
                             only = std::weak_ptr<std::pmr::memory_resource>()](std::string_view) mutable {
    std::shared_ptr<std::pmr::memory_resource> made = only.lock();
    if (made == nullptr) made = std::make_shared<std_pool_on_pages<Pool>>(kind);
    only = made;
    return made;
  };
  return candidate;
}

config_candidate candidate_of(const built_in& is, bool shared) {
  const std::string from =
      is.upstream == nullptr ? "" : ", upstream = { strategy = \"" + std::string(is.upstream) + "\" }";
  const bool lock = shared && !is.thread_safe;
  const std::string name = lock ? "synchronized(" + std::string(is.strategy) + ")" : is.strategy;
  const std::string table = lock ? "{ strategy = \"synchronized_resource\", upstream = { strategy = \"" +
                                       std::string(is.strategy) + "\"" + from + " } }"
                                 : "{ strategy = \"" + std::string(is.strategy) + "\"" + from + " }";
  return candidate_from(name, "default = \"memory\"\n\n[resources]\nmemory = " + table + "\n", name);
}

}  // namespace

config_candidate candidate_from(std::string name, const std::string& config, const std::string& source_name) {
  return {config, {std::move(name), config_stack(config, source_name)}};
}

config_candidate candidate_from_file(const std::string& path) {
  return candidate_from(path, read_config_file(path), path);
}

std::vector<config_candidate> built_in_candidates(const replay_program& program, bool shared) {
  constexpr const char* pages = "page_resource";
  std::vector<built_in> wanted{{"general_resource", nullptr, false},
                               {"concurrent_general_resource", nullptr, true},
                               {"pool_resource", pages, false},
                               {"concurrent_pool", pages, true},
                               {"coalescing_heap", nullptr, false},
                               {shared ? "synchronized_secure_resource" : "secure_resource", nullptr, true},
                               {"new_delete_resource", nullptr, true},
                               {shared ? "synchronized_pool_resource" : "unsynchronized_pool_resource", pages, true}};
  if (bytes_without_frees(program) <= most_for_arenas) {
    wanted.push_back({"monotonic_arena", nullptr, false});
    wanted.push_back({"chained_arena", pages, false});
    wanted.push_back({"monotonic_buffer_resource", "new_delete_resource", false});
  }
  if (program.operations().size() <= most_events_for_pages) wanted.push_back({pages, nullptr, true});
  std::vector<config_candidate> made;
  made.reserve(wanted.size());
  for (const built_in& each : wanted) made.push_back(candidate_of(each, shared));
  for (config_candidate& each : made) {
    if (each.replayed.name == "synchronized_pool_resource")
      each = telling<std::pmr::synchronized_pool_resource>(std::move(each));
    else if (each.replayed.name == "unsynchronized_pool_resource")
      each = telling<std::pmr::unsynchronized_pool_resource>(std::move(each));
  }
  return made;
}

}  // namespace allot::tool
