#pragma once

#include <unwind.h>

#include <allot/core/compiler.hpp>
#include <allot/os/call_stack.hpp>
#include <array>
#include <cstddef>
#include <cstdint>

/// Call stacks by what compilers of the GNU family need for exceptions themselves. Unlike backtrace() of a C library,
/// _Unwind_Backtrace() loads and allocates nothing: it is in what every C++ program is linked with.
namespace allot::os {

using stack_frames = std::array<const void*, call_stack::capacity>;

struct stack_walk {
  stack_frames& frames;
  std::size_t size;
  std::size_t skip;
};

inline _Unwind_Reason_Code visit_frame(_Unwind_Context* context, void* argument) noexcept {
  stack_walk& state = *static_cast<stack_walk*>(argument);
  if (state.skip != 0) {
    --state.skip;
    return _URC_NO_REASON;
  }
  // A frame goes on behind its call, perhaps in another function already; one that a signal stopped goes on where it
  // is.
  int stopped_here = 0;
  const auto next = static_cast<std::uintptr_t>(_Unwind_GetIPInfo(context, &stopped_here));
  if (next == 0) return _URC_END_OF_STACK;
  state.frames[state.size++] = reinterpret_cast<const void*>(stopped_here != 0 ? next : next - 1);
  return state.size == state.frames.size() ? _URC_END_OF_STACK : _URC_NO_REASON;
}

/// Puts down the frames of the calling function's callers, but for the first `skip` of them; how many there are.
ALLOT_ALWAYS_INLINE std::size_t walk_stack(stack_frames& frames, std::size_t skip) noexcept {
  stack_walk state{frames, 0, skip + 1};  // the first frame is the calling function's
  (void)_Unwind_Backtrace(&visit_frame, &state);
  return state.size;
}

}  // namespace allot::os
