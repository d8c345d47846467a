// The contract of call_stack.hpp for Windows, where every function has a table to unwind it by.

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/os/call_stack.hpp>
#include <array>
#include <string_view>

#include "windows_system.hpp"

// What MinGW's compilers use for exceptions themselves works under emulators, too.
#if defined(__GNUC__)
#include "unwinder.hpp"
#endif

namespace allot::os {
call_stack::call_stack(const void* const* frames, std::size_t count) noexcept : size_(std::min(count, capacity)) {
  std::copy_n(frames, size_, frames_.begin());
}

ALLOT_NEVER_INLINE void call_stack::capture(std::size_t skip) noexcept {
  const error_keeper keep;
#if defined(__GNUC__)
  size_ = walk_stack(frames_, skip);
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
  if (length == path.size()) return text;  // it was cut
  return text.append(" (")
      .append(std::string_view(path.data(), length))
      .append("+")
      .append_hex(address_of(address) - reinterpret_cast<std::uintptr_t>(file))
      .append(")");
}

/// Names are in files of their own here, which debuggers and addr2line read.
call_stack::line call_stack::describe_with_name(std::size_t frame) const noexcept { return describe(frame); }

}  // namespace allot::os
