#pragma once

#include "program_stack.hpp"
#include "recorder.hpp"

namespace allot::preload {

/// What configs and recording need is a library of its own, loaded where the environment asks for one of them: most
/// programs do without, and are the smaller and the sooner started for it.
struct extension {
  program_stack* stack = nullptr;  ///< null: there is to be none, or it cannot be, which has been told
  recorder* record = nullptr;      ///< likewise
};

/// Of the library.
/// @param config  a file's path; may be null
/// @param trace  likewise
/// @param writer_begins  to be called first by threads that work for the recorder
using extend_function = void(extension& made, const char* config, const char* trace, void (*writer_begins)());
inline constexpr const char* extend_name = "allot_preload_extend";
inline constexpr const char* extension_file = "liballot_preload_extension.so";

}  // namespace allot::preload
