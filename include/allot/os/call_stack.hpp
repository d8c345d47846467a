#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/fixed_text.hpp>
#include <array>
#include <cstddef>

namespace allot::os {

/// Where a thread is: the calls it is inside, innermost first, to be looked at later by somebody who wants to know who
/// allocated or freed a block. An outermost part that does not fit is left out.
///
/// Stacks are read from the tables that C++ compilers emit for exceptions, so code built without frame pointers is no
/// obstacle; frames of other code without such tables end a stack. Where the compiler has no such tables every stack is
/// empty.
///
/// A plain value: copying one allocates nothing, and two threads may look at one at the same time.
class ALLOT_EXPORT call_stack {
 public:
  static constexpr std::size_t capacity = 16;  ///< frames kept, the innermost
  using line = fixed_text<383>;                ///< a frame in words

  /// Empty.
  call_stack() noexcept = default;

  /// Of addresses that were put down elsewhere, innermost first.
  call_stack(const void* const* frames, std::size_t count) noexcept;

  /// Puts down where the calling thread is, beginning with the caller of this function, or the `skip`-th caller from
  /// there. About 130 ns a frame. Allocates nothing; where the C library is old (glibc before 2.35, others) it may wait
  /// for a library that another thread is just loading.
  void capture(std::size_t skip = 0) noexcept;

  std::size_t size() const noexcept { return size_; }

  /// An address inside the call instruction of a frame (its first byte is not known).
  const void* operator[](std::size_t frame) const noexcept { return frames_[frame]; }

  /// One line without a line end that says where a frame is, in the form that symbolizing tools read:
  /// "    #0 0x55d0c0de1234 (/usr/bin/program+0x1234)": `addr2line -Cfe /usr/bin/program 0x1234` tells the rest. A file
  /// that was unloaded since is not told. Safe in a signal handler; where the C library has no search of its files that
  /// is (glibc before 2.35, others) the file is left out.
  line describe(std::size_t frame) const noexcept;

  /// The same with the name of the function, mangled, where the program's dynamic symbols have it (those of shared
  /// libraries, and of programs linked with -rdynamic): "    #0 0x7f... in qsort (/lib/libc.so.6+0x3fe70)". Not for
  /// signal handlers, since it may wait for a library that another thread is just loading.
  line describe_with_name(std::size_t frame) const noexcept;

 private:
  std::array<const void*, capacity> frames_{};
  std::size_t size_ = 0;
};

}  // namespace allot::os
