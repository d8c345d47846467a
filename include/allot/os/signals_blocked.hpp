#pragma once

#include <allot/core/compiler.hpp>
#include <array>
#include <cstddef>

namespace allot::os {

/// While it lives, the calling thread takes no signals, nor do threads it starts, for as long as they live: for threads
/// of the library's own, since signals are the program's. On systems without signals it does nothing.
class ALLOT_EXPORT signals_blocked {
 public:
  signals_blocked() noexcept;
  ~signals_blocked();
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;

 private:
  alignas(std::max_align_t) std::array<std::byte, 128> before_;  // as the system holds a set of signals
};

}  // namespace allot::os
