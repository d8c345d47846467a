#include "program_file.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

#include "elf_header.hpp"

namespace allot::tool {
namespace {

namespace fs = std::filesystem;

bool has(const fs::file_status& file, fs::perms any_of) { return (file.permissions() & any_of) != fs::perms::none; }

constexpr fs::perms execution = fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;

bool can_run(const std::string& path) {
  std::error_code ignored;
  const fs::file_status file = fs::status(path, ignored);
  return fs::is_regular_file(file) && has(file, execution);
}

/// The path of a program; empty when there is none. One that cannot be executed is the last choice.
std::string found(const std::string& name, const std::string& folders) {
  std::error_code ignored;
  if (name.find('/') != std::string::npos) return fs::exists(name, ignored) ? name : "";
  std::string found_one;
  for (std::size_t at = 0; at <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    const std::string folder = folders.substr(at, end - at);
    std::string path = (folder.empty() ? "." : folder) + "/" + name;
    if (can_run(path)) return path;
    if (found_one.empty() && fs::is_regular_file(path, ignored)) found_one = path;
    at = end + 1;
  }
  return found_one;
}

/// Of a script: what stands in its first line, after #!.
std::optional<std::string> interpreter_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string line;
  if (in.get() != '#' || in.get() != '!') return {};
  std::getline(in, line);
  const std::size_t start = line.find_first_not_of(" \t");
  if (start == std::string::npos) return {};
  return line.substr(start, line.find_first_of(" \t\r", start) - start);
}

program_state state_of(const std::string& path, const std::optional<elf_header>& preload) {
  std::error_code ignored;
  const fs::file_status file = fs::status(path, ignored);
  if (!fs::exists(file)) return program_state::missing;
  if (!fs::is_regular_file(file)) return program_state::no_program;
  if (!has(file, execution)) return program_state::no_permission;
  if (has(file, fs::perms::set_uid | fs::perms::set_gid)) return program_state::set_rights;
  if (!std::ifstream(path)) return program_state::fine;  // who may run it may not read it: the system knows more
  const std::optional<elf_header> header = elf_header_of(path);
  if (!header) return program_state::no_program;
  if (!header->has_interpreter) return program_state::is_static;
  if (preload && !header->same_machine(*preload)) return program_state::other_machine;
  return program_state::fine;
}

}  // namespace

program_file look_for_program(const std::string& name, const std::string& folders, const std::string& preload) {
  program_file looked{program_state::missing, found(name, folders), name};
  if (looked.path.empty()) return looked;
  looked.about = looked.path;
  constexpr int most_scripts = 4;  // one the interpreter of the other, as the system has it
  const std::optional<elf_header> library = elf_header_of(preload);
  for (int i = 0; i < most_scripts; ++i) {
    const std::optional<std::string> interpreter = can_run(looked.about) ? interpreter_of(looked.about) : std::nullopt;
    if (!interpreter) break;
    looked.about = *interpreter;
  }
  looked.state = state_of(looked.about, library);
  return looked;
}

}  // namespace allot::tool
