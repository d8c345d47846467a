#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>

namespace allot::os {

/// Kinds of calls to the operating system that can be made to fail.
enum class os_call : unsigned {
  map = 1,      ///< mapping address space or memory
  unmap = 2,    ///< ending a mapping
  protect = 4,  ///< changing access
  advise = 8,   ///< advice, guards, dropping and populating pages
  remap = 16,   ///< growing and moving pages
  any = 31,
  page_size = 32,  ///< asking for the page size, once in a process: not one of any
  entropy = 64,    ///< asking for random bytes: not one of any
  lock = 128,      ///< keeping pages out of swap space: not one of any
};
constexpr os_call operator|(os_call a, os_call b) noexcept {
  return static_cast<os_call>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

/// For tests: while this object lives, the n-th call to the operating system of the chosen kinds fails as if memory had
/// run out; the system is not asked. One at a time in a process; calls of all threads count.
class ALLOT_EXPORT failure_injection {
 public:
  /// How long calls fail, once they do.
  enum class rule { once, from_then_on };

  /// @param nth  which call fails, 1 for the next; 0 for none (calls are only counted)
  explicit failure_injection(std::size_t nth, os_call which = os_call::any, rule how_long = rule::once) noexcept;
  ~failure_injection();
  failure_injection(const failure_injection&) = delete;
  failure_injection& operator=(const failure_injection&) = delete;

  std::size_t calls() const noexcept;  ///< calls of the chosen kinds so far
  bool fired() const noexcept;         ///< whether one of them was failed

  /// For the platform sources: whether the call about to be made must fail.
  static bool due(os_call which) noexcept;
};

}  // namespace allot::os
