#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <cstdint>

namespace allot::os {

/// What the process has of the machine at this moment.
struct process_usage {
  std::size_t resident = 0;       ///< bytes of its memory that lie in the machine's; 0 where the system does not tell
  std::uint64_t page_faults = 0;  ///< since its start: pages it was given, or that were read, when it touched them
};

/// Asks the system. Allocates nothing, and errno is as before. noexcept and thread-safe.
ALLOT_EXPORT process_usage usage_of_process() noexcept;

/// Has the C library's malloc give the system back what it holds and nobody uses, so that what is measured next has
/// nothing of what was there before. Nothing happens where it cannot. noexcept and thread-safe.
ALLOT_EXPORT void give_back_free_heap() noexcept;

}  // namespace allot::os
