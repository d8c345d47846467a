#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace allot::preload {

/// Makes an object that is never destroyed, for blocks live until the program's last moment. One of each type.
template <class Object, class... Arguments>
Object& lasting(Arguments&&... arguments) {
  alignas(Object) static std::byte storage[sizeof(Object)];
  return *::new (storage) Object(std::forward<Arguments>(arguments)...);
}

}  // namespace allot::preload
