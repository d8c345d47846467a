#pragma once

#include <sys/resource.h>

#include <cstddef>

#include "support/access.hpp"

namespace allot::test {

/// While it lives, the process cannot have more than so many bytes of address space beyond what it has: a request for
/// terabytes is refused then, whatever the system promises to others.
class address_space_limit {
 public:
  explicit address_space_limit(std::size_t more) {
    ::getrlimit(RLIMIT_AS, &before_);
    const rlimit now{address_space() + more, before_.rlim_max};
    ::setrlimit(RLIMIT_AS, &now);
  }
  ~address_space_limit() { ::setrlimit(RLIMIT_AS, &before_); }
  address_space_limit(const address_space_limit&) = delete;
  address_space_limit& operator=(const address_space_limit&) = delete;

 private:
  rlimit before_{};
};

}  // namespace allot::test
