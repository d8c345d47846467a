#pragma once

#include <fstream>
#include <string>

#include "run.hpp"
#include "trace/trace_files.hpp"

namespace allot::test {

/// A config with one resource, as TOML without its header: `strategy = "pool_resource"`.
class config_file {
 public:
  explicit config_file(const std::string& resource) : file_("config") {
    std::ofstream(file_.path()) << "[resources.program]\n" << resource << '\n';
  }
  const std::string& path() const noexcept { return file_.path(); }

 private:
  temporary_file file_;
};

/// One of those that come with these tests.
inline std::string program(const std::string& name) { return ALLOT_PROGRAMS + name; }

}  // namespace allot::test
