#pragma once

#include <cerrno>

namespace allot::os {

/// Puts errno back at the end of a scope.
class errno_keeper {
 public:
  errno_keeper() noexcept : saved_(errno) {}
  ~errno_keeper() { errno = saved_; }
  errno_keeper(const errno_keeper&) = delete;
  errno_keeper& operator=(const errno_keeper&) = delete;

 private:
  int saved_;
};

}  // namespace allot::os
