#include <allot/config/config.hpp>
#include <allot/os/environment.hpp>
#include <allot/os/run_program.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "loaded_trace.hpp"
#include "output.hpp"
#include "record/preload_library.hpp"
#include "record/program_file.hpp"
#include "subcommands.hpp"
#include "words.hpp"

namespace allot::tool {
namespace {

namespace fs = std::filesystem;

std::string text_of(const char* variable) {
  const char* const text = os::environment_variable(variable);
  return text == nullptr ? "" : text;
}

std::string preload_library(const record_wishes& wishes) {
  std::string library = find_preload_library(wishes.preload);
  if (library.empty())
    throw command_error(no_input, "liballot_preload.so is not there: say where it is, with --preload or ALLOT_PRELOAD");
  if (library.find_first_of(":;") != std::string::npos)
    throw command_error(no_input, library + ": a path with colons or semicolons cannot be preloaded");
  return library;
}

std::string program_to_run(const std::string& name, const std::string& preload) {
  const program_file found = look_for_program(name, text_of("PATH"), preload);
  const auto refuse = [&](const std::string& why) {
    const std::string script = found.about == found.path ? "" : found.path + ": its interpreter ";
    throw command_error(cannot_execute, script + found.about + ": " + why);
  };
  switch (found.state) {
    case program_state::fine:
      return found.path;
    case program_state::missing:
      throw command_error(no_such_program, name + ": there is no such program");
    case program_state::no_permission:
      refuse("there is no permission to execute it");
      break;
    case program_state::no_program:
      refuse("is no program");
      break;
    case program_state::set_rights:
      refuse("is set-uid or set-gid: the system preloads nothing into it, so it cannot be recorded");
      break;
    case program_state::is_static:
      refuse("is static: nothing can be preloaded into it, so it cannot be recorded");
      break;
    case program_state::other_machine:
      refuse("is for another kind of machine than the preload library");
      break;
  }
  return {};
}

/// The trace of a process: %p stands for its number.
std::string trace_of(std::string pattern, long process) {
  if (const std::size_t at = pattern.find("%p"); at != std::string::npos)
    pattern.replace(at, 2, std::to_string(process));
  return pattern;
}

/// Sees whether the trace can be written before the program starts. An older one goes: it is not what was recorded.
void make_room_for(const std::string& trace) {
  const std::string tried = trace_of(trace, 0);
  errno = 0;
  const bool works = static_cast<bool>(std::ofstream(tried, std::ios::binary | std::ios::app));
  const int code = errno;
  if (!works)
    throw command_error(cannot_write, trace + ": cannot be written: " + std::generic_category().message(code));
  std::error_code ignored;
  if (fs::is_regular_file(tried, ignored)) fs::remove(tried, ignored);
}

std::string before(const std::string& first, const std::string& others) {
  return others.empty() ? first : first + ":" + others;
}

/// The list of what is preloaded has blanks between, too: a library whose path has some is named without its folder.
void add_preload(os::program_call& call, const fs::path& library) {
  const bool has_blank = library.string().find(' ') != std::string::npos;
  const std::string name = has_blank ? library.filename().string() : library.string();
  call.environment.emplace_back("LD_PRELOAD", before(name, text_of("LD_PRELOAD")));
  if (has_blank)
    call.environment.emplace_back("LD_LIBRARY_PATH",
                                  before(library.parent_path().string(), text_of("LD_LIBRARY_PATH")));
}

/// What the preload library is told. Nothing that is in force for this command itself comes through.
os::program_call call_for(const record_wishes& wishes, const std::string& preload, const command_context& context) {
  os::program_call call;
  call.arguments = context.program;
  call.environment = {{"ALLOT_RECORD", fs::absolute(wishes.trace).string()},
                      {"ALLOT_RECORD_BEHIND", wishes.behind},
                      {"ALLOT_RECORD_STACKS", std::nullopt},
                      {"ALLOT_CONFIG", std::nullopt},
                      {"ALLOT_CONFIG_FAILED", std::nullopt},
                      {"ALLOT_STRICT", std::nullopt}};
  add_preload(call, preload);
  const auto set = [&](const char* name, const std::string& value) {
    for (auto& [variable, text] : call.environment)
      if (variable == name) text = value;
  };
  if (wishes.stacks) set("ALLOT_RECORD_STACKS", "1");
  if (!wishes.config.empty()) {
    set("ALLOT_CONFIG", fs::absolute(wishes.config).string());
    set("ALLOT_STRICT", "1");
  }
  call.output_to_errors = context.json;
  return call;
}

/// What was recorded; null where that cannot be told.
json told_trace(const std::string& pattern, long process, command_context& context) {
  const std::string file = trace_of(pattern, process);
  std::error_code ignored;
  if (!fs::exists(file, ignored)) {
    note(context, file + ": nothing was recorded: the program did not load the preload library");
    return nullptr;
  }
  try {
    const trace_facts facts = facts_of(file, trace_reader(file), context);
    note(context,
         file + ": " + count_text(facts.summary.events, "event") + ", " + bytes_text(fs::file_size(file, ignored)));
    if (facts.summary.events == 0 && file == pattern)
      note(context,
           "if " + context.program.front() +
               " runs another program in its place, that is recorded where %p stands in the name of the trace");
    return to_json(facts);
  } catch (const trace_error& error) {
    note(context, error.what());
    return nullptr;
  }
}

}  // namespace

void record_program(const record_wishes& wishes, command_context& context) {
  if (context.program.empty())
    throw command_error(wrong_usage, "record: which program? It stands after --, with its arguments");
  if (!wishes.config.empty()) check_config(read_config_file(wishes.config), wishes.config);
  const std::string preload = preload_library(wishes);
  const std::string program = program_to_run(context.program.front(), preload);
  make_room_for(wishes.trace);
  os::program_call call = call_for(wishes, preload, context);
  call.file = program;
  const os::program_end end = os::run_program(call);
  if (!end.outcome)
    throw command_error(cannot_execute,
                        program + ": cannot be started: " + std::generic_category().message(end.outcome.os_code));
  const json trace = told_trace(wishes.trace, end.process, context);
  constexpr int signal_base = 128;
  context.code = end.signal_taken != 0 ? signal_base + end.signal_taken : end.exit_code;
  if (context.json)
    write_json(context, {{"program", context.program},
                         {"process", end.process},
                         {"exit_code", context.code},
                         {"signal", end.signal_taken != 0 ? json(end.signal_taken) : json()},
                         {"trace", trace}});
}

}  // namespace allot::tool
