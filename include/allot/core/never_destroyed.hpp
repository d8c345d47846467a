#pragma once

#include <cstddef>
#include <new>

namespace allot {

/// The one object of this type in the process, made at the first call. It is never destroyed: what has static storage
/// duration, resources above all, may be destroyed later than any such object of the library's would be. Throws what
/// the constructor throws; thread-safe.
template <class T>
T& never_destroyed() noexcept(noexcept(T())) {
  alignas(T) static std::byte storage[sizeof(T)];
  static T& only = *::new (static_cast<void*>(storage)) T;
  return only;
}

}  // namespace allot
