#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace main_job {

/// The text of usage.txt.
extern const std::string_view usage;

struct command_line {
  enum class action { run, help, misuse };

  action what = action::run;
  std::optional<std::string> config;
  std::string svg = "main_job.svg";
  std::optional<std::size_t> rounds;
  std::vector<std::string> files;
};

/// On misuse it has said on stderr what is wrong.
command_line parse_command_line(int argc, char** argv);

}  // namespace main_job
