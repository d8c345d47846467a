#include "preload_library.hpp"

#include <allot/os/environment.hpp>
#include <allot/os/run_program.hpp>
#include <array>
#include <filesystem>
#include <system_error>

namespace allot::tool {
namespace {

namespace fs = std::filesystem;

constexpr const char* file_name = "liballot_preload.so";

// From the folder of the program on: where it is installed, also two folders deep (vcpkg), and where it is built.
constexpr std::array places{ALLOT_LIBRARIES_FROM_PROGRAMS, "../lib", "../../lib", ".", "../preload"};

}  // namespace

std::string find_preload_library(const std::string& wanted) {
  std::error_code ignored;
  const char* const set = os::environment_variable("ALLOT_PRELOAD");
  if (const std::string said = !wanted.empty() ? wanted : set != nullptr ? set : ""; !said.empty())
    return fs::is_regular_file(said, ignored) ? fs::absolute(said).string() : "";
  const fs::path folder = fs::path(os::path_of_this_program()).parent_path();
  if (folder.empty()) return "";
  for (const char* place : places)
    if (const fs::path file = folder / place / file_name; fs::is_regular_file(file, ignored))
      return fs::weakly_canonical(file).string();
  return "";
}

}  // namespace allot::tool
