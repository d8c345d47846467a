#include "extension.hpp"

#include <unistd.h>

#include <algorithm>
#include <allot/adaptor/synchronized_resource.hpp>
#include <allot/config/config.hpp>
#include <allot/general/concurrent_general_resource.hpp>
#include <allot/os/environment.hpp>
#include <allot/os/fork_mutex.hpp>
#include <array>
#include <cerrno>
#include <exception>
#include <memory_resource>
#include <string>
#include <string_view>

#include "child_environment.hpp"
#include "lasting.hpp"
#include "report.hpp"
#include "trace_recorder.hpp"

namespace allot::preload {
namespace {

constexpr int bad_config = 78;

std::string_view variable(const char* name) noexcept {
  const char* const value = os::environment_variable(name);
  return value != nullptr ? value : std::string_view();
}

// ---- stacks from configs

/// And for children of fork(): a page_resource's own lock is left as it was by threads they do not have.
bool is_for_threads(std::pmr::memory_resource& memory) {
  constexpr std::array<std::string_view, 5> safe{"concurrent_general_resource", "concurrent_pool",
                                                 "synchronized_resource", "synchronized_secure_resource",
                                                 "guarded_page_resource"};
  const resource* const ours = as_resource(&memory);
  return ours != nullptr && std::find(safe.begin(), safe.end(), ours->kind()) != safe.end();
}

/// The resource of a config that serves malloc(): the one of that name, or the default, or the only one there is. With
/// a lock, where it has none. What stands on nothing else stands on a general resource: the standard's default,
/// operator new, would lead back to us.
/// @throws config_error
std::pmr::memory_resource& configured(const std::string& file) {
  const std::string text = read_config_file(file);
  config_settings settings;
  settings.install_default = false;
  std::pmr::memory_resource* const before = std::pmr::set_default_resource(&lasting<concurrent_general_resource>());
  struct restore {
    std::pmr::memory_resource* before;
    ~restore() { std::pmr::set_default_resource(before); }
  } const at_end{before};
  const resource_set& set = lasting<resource_set>(parse_config(text, file, settings));
  std::pmr::memory_resource* const found = set.serving("malloc");
  if (found == nullptr)
    throw config_error(file, 0, 0, "default", "is missing: several resources, none of them of the name \"malloc\"");
  if (is_for_threads(*found)) return *found;
  return lasting<synchronized_resource<os::fork_mutex>>(*found, "malloc");
}

program_stack* stack_of(const std::string& file) {
  program_stack& made = lasting<program_stack>(configured(file));
  if (!made.works()) throw config_error(file, 0, 0, "", "its resource cannot serve a whole program");
  return &made;
}

/// Null where the config is of no use. That is told by the first of a program and those it starts, once of each config.
program_stack* stack_by_config(const std::string& file) {
  if (variable("ALLOT_CONFIG_FAILED") == file) return nullptr;
  std::string problem;
  try {
    return stack_of(file);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  const bool strict = !variable("ALLOT_STRICT").empty() && variable("ALLOT_STRICT") != "0";
  if (!strict) problem += "; this program runs on the system's malloc";
  report(problem);
  if (strict) ::_exit(bad_config);
  tell_children("ALLOT_CONFIG_FAILED", file);
  return nullptr;
}

/// `%p` becomes the number of the process.
std::string trace_path(std::string_view wanted) {
  std::string path(wanted);
  const std::size_t at = path.find("%p");
  if (at != std::string::npos) path.replace(at, 2, std::to_string(::getpid()));
  return path;
}

// ---- recording

/// Null where there can be no trace, which has been told then.
recorder* recorder_to(std::string_view wanted, void (*writer_begins)()) {
  // A program that is started by this one must not write to the same file. It keeps the variable, to be on the same
  // malloc as this one.
  const std::string path = trace_path(wanted);
  if (path == wanted) tell_children("ALLOT_RECORD", "");
  try {
    trace_writer_options options;
    options.program = ::program_invocation_name;
    options.writer_begins = writer_begins;
    const std::string_view behind = variable("ALLOT_RECORD_BEHIND");
    if (behind == "drop")
      options.behind = trace_writer_options::when_behind::drop;
    else if (!behind.empty() && behind != "wait")
      report("ALLOT_RECORD_BEHIND is neither wait nor drop: the program waits");
    return &lasting<trace_recorder>(path, options, variable("ALLOT_RECORD_STACKS") == "1");
  } catch (const std::exception& error) {
    report(std::string(error.what()) + "; this program is not recorded");
    return nullptr;
  }
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void allot_preload_extend(extension& made, const char* config,
                                                                            const char* trace,
                                                                            void (*writer_begins)()) {
  static_assert(std::is_same_v<decltype(allot_preload_extend), extend_function>);
  if (config != nullptr) made.stack = stack_by_config(config);
  if (trace != nullptr) made.record = recorder_to(trace, writer_begins);
}

}  // namespace allot::preload
