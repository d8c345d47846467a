#pragma once

#include <allot/core/compiler.hpp>
#include <allot/general/concurrent_general_resource.hpp>
#include <atomic>

#include "program_stack.hpp"
#include "recorder.hpp"
#include "system_malloc.hpp"

namespace allot::preload {

/// What the environment asks for, and what became of it. docs/preload.md has the variables.
namespace start {

enum class state {
  starting,   ///< nothing is decided yet
  on_stack,   ///< the program's blocks come from `stack`
  on_system,  ///< from the malloc the program would have without us
};

struct outcome {
  state is = state::starting;
  system_malloc system;
  program_stack* stack = nullptr;
  recorder* record = nullptr;  ///< null: not recorded
};

namespace detail {
extern std::atomic<const outcome*> current;
extern std::atomic<concurrent_general_resource*> alone;
}  // namespace detail

/// As it is now. What it refers to stays to the end of the process.
inline const outcome& now() noexcept { return *detail::current.load(std::memory_order_acquire); }

/// The resource below the stack, where that is the one programs have without a config, and nothing else is to be done
/// than to ask it; otherwise null.
inline concurrent_general_resource* general() noexcept { return detail::alone.load(std::memory_order_acquire); }

}  // namespace start
}  // namespace allot::preload
