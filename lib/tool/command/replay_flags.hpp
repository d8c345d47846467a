#pragma once

#include <allot/trace/compare.hpp>
#include <allot/trace/replay.hpp>
#include <string>

#include "command.hpp"
#include "output.hpp"

namespace allot::tool {

/// How to replay, as the command line says it: the same for all subcommands that do.
struct replay_flags {
  std::string content = "touched";
  std::string order = "blocks";
  bool one_thread = false;

  replay_options options() const;
};

json to_json(const replay_result& result);
json to_json(const comparison& row);

}  // namespace allot::tool
