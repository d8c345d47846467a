#pragma once

// The system's own header, without what it defines beside the interface of this folder's sources.

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>

#include <cerrno>

namespace allot::os {

/// Puts errno and the system's last error back at the end of a scope.
class error_keeper {
 public:
  error_keeper() noexcept : number_(errno), code_(::GetLastError()) {}
  ~error_keeper() {
    errno = number_;
    ::SetLastError(code_);
  }
  error_keeper(const error_keeper&) = delete;
  error_keeper& operator=(const error_keeper&) = delete;

 private:
  int number_;
  DWORD code_;
};

/// The system's last error as os_code holds it.
inline int last_error() noexcept { return static_cast<int>(::GetLastError()); }

}  // namespace allot::os
