#pragma once

#include <string>

namespace allot::tool {

/// Why a program cannot be recorded, if so.
enum class program_state {
  fine,
  missing,
  no_permission,  ///< to execute it
  no_program,     ///< neither an executable file nor a script
  set_rights,     ///< set-uid or set-gid: the system preloads nothing of ours into it
  is_static,      ///< without a dynamic linker, which is what preloads
  other_machine,  ///< for other machines than the preload library
};

struct program_file {
  program_state state = program_state::missing;
  std::string path;   ///< what was found for the name
  std::string about;  ///< whose state it is: the path, or the interpreter of the script at the path
};

/// Looks for a program as shells do: by its path where the name has a slash, otherwise in `folders`, with colons
/// between. Reads what it is like from the file; scripts are as their interpreter is.
/// @param preload  the library that is to be preloaded
program_file look_for_program(const std::string& name, const std::string& folders, const std::string& preload);

}  // namespace allot::tool
