#pragma once

#include <command/show/shown.hpp>
#include <string>
#include <vector>

#include "command.hpp"
#include "contest.hpp"
#include "moment.hpp"
#include "replay_flags.hpp"

namespace allot::tool {

// What subcommands are asked for, and what does it. Each writes its result to the context, sets `code`, and throws what
// goes wrong: trace_error, config_error, command_error, std::system_error, std::invalid_argument for wrong usage.

struct record_wishes {
  std::string trace;
  std::string config;  ///< for the program to run on; empty: the system's malloc
  std::string behind = "wait";
  std::string preload;  ///< the preload library; empty: to be looked for
  bool stacks = false;
};
void record_program(const record_wishes& wishes, command_context& context);

struct replay_wishes {
  std::string trace;
  std::string config;
  replay_flags flags;
  bool latencies = false;
};
void replay_trace(const replay_wishes& wishes, command_context& context);

struct compare_wishes {
  contest_flags contest;
  std::string chart;  ///< the file; empty: none
};
void compare_all(const compare_wishes& wishes, command_context& context);

struct recommend_wishes {
  contest_flags contest;
  std::string output;  ///< the file of the config; empty: to standard output
  std::string what = "time";
};
void recommend_one(const recommend_wishes& wishes, command_context& context);

void check_configs(const std::vector<std::string>& files, command_context& context);

/// @param name  of the strategy whose options are listed; empty: all strategies are
void list_strategies(const std::string& name, command_context& context);

void show_trace(const show_wishes& wishes, command_context& context);

struct export_wishes {
  std::string trace;
  std::string format;
  std::string resource;  ///< the only one to export; empty: all
  std::string file;      ///< empty: to standard output
  moment when{moment::by::peak};
};
void export_trace(const export_wishes& wishes, command_context& context);

/// What a shell reads to complete the words of `app`.
void write_completion(const std::string& shell, const CLI::App& app, command_context& context);

}  // namespace allot::tool
