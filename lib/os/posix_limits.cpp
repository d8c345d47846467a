// The contract of memory_limits.hpp for systems with getrlimit. What such systems tell beyond that is behind
// posix_extras.hpp.

#include <sys/resource.h>

#include <allot/os/memory_limits.hpp>
#include <atomic>

#include "errno_keeper.hpp"
#include "posix_extras.hpp"

namespace allot::os {
namespace {

std::atomic<const limits_injection*> injected{nullptr};

template <class Resource>
memory_limit limit_of(Resource which) noexcept {
  rlimit limit{};
  if (::getrlimit(which, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= memory_limit::none)
    return {};
  return {static_cast<std::size_t>(limit.rlim_cur), static_cast<std::size_t>(limit.rlim_cur)};
}

}  // namespace

process_limits memory_limits() noexcept {
  if (const limits_injection* const instead = injected.load()) return instead->answer_;
  const errno_keeper keep;
  process_limits limits;
#if defined(RLIMIT_AS)
  limits.address_space = limit_of(RLIMIT_AS);
#endif
  limits.data = limit_of(RLIMIT_DATA);
#if defined(RLIMIT_MEMLOCK)
  limits.locked = limit_of(RLIMIT_MEMLOCK);
#endif
  extras::complete(limits);
  return limits;
}

limits_injection::limits_injection(const process_limits& answer) noexcept : answer_(answer) { injected = this; }
limits_injection::~limits_injection() { injected = nullptr; }

}  // namespace allot::os
