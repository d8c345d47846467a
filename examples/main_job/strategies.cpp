#include "strategies.hpp"

#include <allot/adaptor/adaptor_resource.hpp>
#include <allot/arena/arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scratch_pair.hpp>
#include <allot/config/config.hpp>
#include <allot/core/memory_tools.hpp>
#include <utility>

namespace main_job {

namespace {

/// The room of the job that resources are made for just now.
std::size_t room_wanted = 0;

std::unique_ptr<std::pmr::memory_resource> make_arena_for_one_job(allot::strategy_request& wanted) {
  allot::monotonic_arena_options options;
  options.size = room_wanted;
  options.upstream = wanted.upstream();
  options.huge_pages = wanted.flag("huge_pages", false);
  options.name = wanted.name();
  // A memory tool has blocks of an own reservation set apart, by less than three times what they take themselves.
  if (options.upstream == nullptr && allot::memory_tools::active()) options.size *= 4;
  return std::make_unique<allot::monotonic_arena>(options);
}

void register_own_strategies() {
  static const bool done = [] {
    allot::register_strategy("arena_for_one_job", make_arena_for_one_job);
    return true;
  }();
  static_cast<void>(done);
}

// Most resources use again what was freed. Arenas must be told, through adaptors, too.
void make_ready(std::pmr::memory_resource& memory) {
  if (auto* const arena = dynamic_cast<allot::arena*>(&memory)) return arena->clear();
  if (auto* const pair = dynamic_cast<allot::scratch_pair*>(&memory))
    return pair->pick().clear();  // as at the end of its last scope
  if (auto* const arena = dynamic_cast<std::pmr::monotonic_buffer_resource*>(&memory)) return arena->release();
  if (auto* const adaptor = dynamic_cast<allot::adaptor_resource*>(&memory)) make_ready(*adaptor->upstream());
}

/// While it lives, another resource is the default one.
class default_resource {
 public:
  explicit default_resource(std::pmr::memory_resource& instead) : before_(std::pmr::set_default_resource(&instead)) {}
  ~default_resource() { std::pmr::set_default_resource(before_); }
  default_resource(const default_resource&) = delete;
  default_resource& operator=(const default_resource&) = delete;

 private:
  std::pmr::memory_resource* before_;
};

struct config_text {
  std::string path;
  std::string text;
};

/// One resource of a config, or all. What they take from the default resource they take from the upstream given.
allot::resource_set build(const config_text& config, std::vector<std::string> only, const surroundings& given) {
  const default_resource upstream(given.upstream);
  room_wanted = given.room;
  allot::config_settings settings;
  settings.only = std::move(only);
  return allot::parse_config(config.text, config.path, settings);
}

class configured final : public subject {
 public:
  configured(allot::resource_set resources, const std::string& name)
      : resources_(std::move(resources)), memory_(*resources_[name]) {}

  std::pmr::memory_resource& memory() noexcept override { return memory_; }
  void reuse() override { make_ready(memory_); }

 private:
  allot::resource_set resources_;
  std::pmr::memory_resource& memory_;
};

}  // namespace

std::string default_config() { return ALLOT_PROJECT_DIR "/examples/main_job/resources.toml"; }

std::vector<strategy> strategies(const std::string& path) {
  register_own_strategies();
  const config_text config{path, allot::read_config_file(path)};
  std::vector<strategy> all;
  const surroundings nothing{*std::pmr::new_delete_resource(), 1};
  for (const std::string& name : build(config, {}, nothing).names())
    all.push_back({name, [config, name](const surroundings& given) {
                     return std::make_unique<configured>(build(config, {name}, given), name);
                   }});
  if (all.empty()) throw allot::config_error(path, 0, 0, "resources", "there is none");
  return all;
}

}  // namespace main_job
