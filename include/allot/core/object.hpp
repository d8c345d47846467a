#pragma once

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <new>
#include <type_traits>
#include <utility>

namespace allot {

namespace detail {

/// Constructs a T at p with uses-allocator construction (C++17 [allocator.uses.construction]), so that a T which can
/// take a polymorphic_allocator gets one for `memory`; pairs are constructed member by member, as std::pmr containers
/// do.
template <class T, class... Args>
T* construct_with(std::pmr::memory_resource& memory, void* p, Args&&... args) {
  std::pmr::polymorphic_allocator<T> allocator(&memory);
  allocator.construct(static_cast<T*>(p), std::forward<Args>(args)...);
  return std::launder(static_cast<T*>(p));
}

}  // namespace detail

/// Allocates room for a T from `memory` and constructs it there; `memory` is passed on to a T that can use it.
/// @throws whatever the resource or the constructor throws; the room is given back then.
template <class T, class... Args>
[[nodiscard]] T* new_object(std::pmr::memory_resource& memory, Args&&... args) {
  static_assert(std::is_object_v<T> && !std::is_array_v<T> && !std::is_const_v<T>, "new_object makes single objects");
  void* p = memory.allocate(sizeof(T), alignof(T));
  try {
    return detail::construct_with<T>(memory, p, std::forward<Args>(args)...);
  } catch (...) {
    memory.deallocate(p, sizeof(T), alignof(T));
    throw;
  }
}

/// Destroys an object made by new_object with the same T and resource, and gives its room back. Null is ignored.
template <class T>
void delete_object(std::pmr::memory_resource& memory, T* object) noexcept {
  if (object == nullptr) return;
  object->~T();
  memory.deallocate(object, sizeof(T), alignof(T));
}

/// Deletes through the resource an object came from. T is the type it was made as, never a base: sizes go back exactly.
template <class T>
class object_deleter {
 public:
  /// `memory` must outlive the objects.
  explicit object_deleter(std::pmr::memory_resource& memory) noexcept : memory_(&memory) {}
  void operator()(T* object) const noexcept { delete_object(*memory_, object); }
  std::pmr::memory_resource* resource() const noexcept { return memory_; }  ///< never null

 private:
  std::pmr::memory_resource* memory_;
};

/// What make_unique() returns: the object goes back to where its memory came from.
template <class T>
using unique_object = std::unique_ptr<T, object_deleter<T>>;

/// std::make_unique on a resource, which must outlive the object. Throws as new_object.
template <class T, class... Args>
[[nodiscard]] unique_object<T> make_unique(std::pmr::memory_resource& memory, Args&&... args) {
  return unique_object<T>(new_object<T>(memory, std::forward<Args>(args)...), object_deleter<T>(memory));
}

}  // namespace allot
