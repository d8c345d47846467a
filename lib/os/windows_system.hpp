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

/// Has a lock to the end of a scope.
class exclusive_hold {
 public:
  explicit exclusive_hold(SRWLOCK& lock) noexcept : lock_(lock) { ::AcquireSRWLockExclusive(&lock_); }
  ~exclusive_hold() { ::ReleaseSRWLockExclusive(&lock_); }
  exclusive_hold(const exclusive_hold&) = delete;
  exclusive_hold& operator=(const exclusive_hold&) = delete;

 private:
  SRWLOCK& lock_;
};

/// The system's last error as os_code holds it.
inline int last_error() noexcept { return static_cast<int>(::GetLastError()); }

}  // namespace allot::os
