#pragma once

#include <allot/trace/compare.hpp>
#include <allot/trace/replay.hpp>
#include <string>

#include "command.hpp"
#include "output.hpp"

namespace allot::tool {

/// How to replay, as the command line says it: the same for all subcommands that do.
class replay_flags {
 public:
  void add_to(CLI::App& app);
  replay_options options() const;

 private:
  std::string content_ = "touched";
  std::string order_ = "blocks";
  bool one_thread_ = false;
};

json to_json(const replay_result& result);
json to_json(const comparison& row);

}  // namespace allot::tool
