// The contract of call_stack.hpp where there is dladdr() and, mostly, a compiler of the GNU family.

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/os/call_stack.hpp>
#include <array>
#include <cstdint>
#include <string_view>

#include "errno_keeper.hpp"

#if __has_include(<unwind.h>)
#include "unwinder.hpp"
#define ALLOT_HAS_UNWINDER
#endif

// glibc from 2.35 on looks its files up without a lock; dladdr() takes one.
#if defined(DLFO_STRUCT_HAS_EH_DBASE)
#include <link.h>
#define ALLOT_HAS_FIND_OBJECT
#endif

namespace allot::os {
namespace {

constexpr std::size_t longest_path = 255;

/// The path of the running program, for which the C library has no name.
fixed_text<longest_path> program_path() noexcept {
  const errno_keeper keep;
  std::array<char, longest_path> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  return length > 0 ? std::string_view(path.data(), static_cast<std::size_t>(length)) : "the program";
}

call_stack::line start_of_line(std::size_t frame, const void* address) noexcept {
  call_stack::line text("    #");
  return text.append_decimal(frame).append(" ").append_hex(address_of(address));
}

void append_place(call_stack::line& text, std::string_view path, std::uintptr_t offset) noexcept {
  text.append(" (");
  if (path.empty()) {
    text.append(program_path());
  } else {
    text.append(path.substr(0, longest_path));
  }
  text.append("+").append_hex(offset).append(")");
}

/// The file an address is of, in a signal handler, too; nothing where it is of none or that cannot be told.
void append_file(call_stack::line& text, const void* address) noexcept {
#if defined(ALLOT_HAS_FIND_OBJECT)
  dl_find_object found{};
  if (::_dl_find_object(const_cast<void*>(address), &found) != 0 || found.dlfo_link_map == nullptr) return;
  const link_map& file = *found.dlfo_link_map;
  append_place(text, file.l_name != nullptr ? file.l_name : "", address_of(address) - file.l_addr);
#else
  (void)text;
  (void)address;
#endif
}

}  // namespace

call_stack::call_stack(const void* const* frames, std::size_t count) noexcept : size_(std::min(count, capacity)) {
  std::copy_n(frames, size_, frames_.begin());
}

ALLOT_NEVER_INLINE void call_stack::capture(std::size_t skip) noexcept {
#if defined(ALLOT_HAS_UNWINDER)
  size_ = walk_stack(frames_, skip);
#else
  (void)skip;
  size_ = 0;
#endif
}

call_stack::line call_stack::describe(std::size_t frame) const noexcept {
  line text = start_of_line(frame, frames_[frame]);
  append_file(text, frames_[frame]);
  return text;
}

call_stack::line call_stack::describe_with_name(std::size_t frame) const noexcept {
  const void* const address = frames_[frame];
  line text = start_of_line(frame, address);
  Dl_info info{};
  const bool known = ::dladdr(address, &info) != 0;
  if (known && info.dli_sname != nullptr) {
    constexpr std::size_t longest_name = 80;
    text.append(" in ").append(std::string_view(info.dli_sname).substr(0, longest_name));
  }
#if defined(ALLOT_HAS_FIND_OBJECT)
  append_file(text, address);
#else
  if (known && info.dli_fname != nullptr)
    append_place(text, info.dli_fname, address_of(address) - address_of(info.dli_fbase));
#endif
  return text;
}

}  // namespace allot::os
