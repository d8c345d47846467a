#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <limits>

namespace allot::os {

/// One thing a system bounds, in bytes unless stated. What has no bound, or is not known, is `none`.
struct memory_limit {
  /// No bound, or none known.
  static constexpr std::size_t none = (std::numeric_limits<std::size_t>::max)();

  std::size_t most = none;  ///< the bound
  std::size_t left = none;  ///< what of it is not used up; `most` where the use is not known
};

/// Everything known to bound the memory of this process at this moment. Others use the same memory, so what is left may
/// be less when it is asked for.
struct process_limits {
  memory_limit address_space;  ///< of the process (RLIMIT_AS)
  memory_limit data;           ///< writable private memory of the process (RLIMIT_DATA)
  memory_limit control_group;  ///< of the tightest of its groups (cgroup, version 1 or 2); what the group's files take
                               ///< counts as left, as they can be written back, and so does swap it may use
  memory_limit physical;       ///< of the machine; left is what is free or can be made so, free swap included
  memory_limit locked;         ///< that may be kept out of swap space (RLIMIT_MEMLOCK); the privileged may pass it
  memory_limit mappings;       ///< how many the process may have: a number, not bytes
};

/// Asks the system. Takes milliseconds when there are very many mappings; allocates nothing, and errno is as before.
/// What the system does not tell, or tells in a way unheard of, is `none`. noexcept and thread-safe.
ALLOT_EXPORT process_limits memory_limits() noexcept;

/// For tests: while this object lives, memory_limits() answers what it was given. One at a time in a process.
class ALLOT_EXPORT limits_injection {
 public:
  explicit limits_injection(const process_limits& answer) noexcept;  ///< copies it
  ~limits_injection();
  limits_injection(const limits_injection&) = delete;
  limits_injection& operator=(const limits_injection&) = delete;

 private:
  friend ALLOT_EXPORT process_limits memory_limits() noexcept;

  process_limits answer_;
};

}  // namespace allot::os
