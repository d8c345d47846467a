// The contract of call_stack.hpp for Windows, where every function has a table to unwind it by.

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/os/call_stack.hpp>
#include <array>
#include <string_view>

#include "windows_system.hpp"

// What MinGW's compilers use for exceptions themselves works under emulators, too.
#if defined(__GNUC__)
#include <unwind.h>
#endif

namespace allot::os {
namespace {

#if defined(__GNUC__)
struct walk {
  std::array<const void*, call_stack::capacity>& frames;
  std::size_t size;
  std::size_t skip;
};

_Unwind_Reason_Code visit_frame(_Unwind_Context* context, void* argument) noexcept {
  walk& state = *static_cast<walk*>(argument);
  if (state.skip != 0) {
    --state.skip;
    return _URC_NO_REASON;
  }
  const auto next = static_cast<std::uintptr_t>(_Unwind_GetIP(context));
  if (next == 0) return _URC_END_OF_STACK;
  state.frames[state.size++] = reinterpret_cast<const void*>(next - 1);  // a frame goes on behind its call
  return state.size == state.frames.size() ? _URC_END_OF_STACK : _URC_NO_REASON;
}
#endif

}  // namespace

call_stack::call_stack(const void* const* frames, std::size_t count) noexcept : size_(std::min(count, capacity)) {
  std::copy_n(frames, size_, frames_.begin());
}

ALLOT_NEVER_INLINE void call_stack::capture(std::size_t skip) noexcept {
  const error_keeper keep;
#if defined(__GNUC__)
  walk state{frames_, 0, skip + 1};  // the first frame is this function's
  (void)_Unwind_Backtrace(&visit_frame, &state);
  size_ = state.size;
#else
  std::array<void*, capacity> next{};
  size_ = ::CaptureStackBackTrace(static_cast<DWORD>(skip + 1), static_cast<DWORD>(capacity), next.data(), nullptr);
  for (std::size_t i = 0; i < size_; ++i) frames_[i] = static_cast<const std::byte*>(next[i]) - 1;
#endif
}

call_stack::line call_stack::describe(std::size_t frame) const noexcept {
  const error_keeper keep;
  const void* const address = frames_[frame];
  line text("    #");
  text.append_decimal(frame).append(" ").append_hex(address_of(address));
  HMODULE file = nullptr;
  constexpr DWORD of_address = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
  std::array<char, 256> path{};
  if (::GetModuleHandleExA(of_address, static_cast<const char*>(address), &file) == 0) return text;
  const DWORD length = ::GetModuleFileNameA(file, path.data(), static_cast<DWORD>(path.size()));
  return text.append(" (")
      .append(std::string_view(path.data(), length))
      .append("+")
      .append_hex(address_of(address) - reinterpret_cast<std::uintptr_t>(file))
      .append(")");
}

/// Names are in files of their own here, which debuggers and addr2line read.
call_stack::line call_stack::describe_with_name(std::size_t frame) const noexcept { return describe(frame); }

}  // namespace allot::os
