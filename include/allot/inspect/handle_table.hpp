#pragma once

#include <allot/core/object.hpp>
#include <allot/inspect/handle.hpp>
#include <allot/inspect/handle_slots.hpp>
#include <cstddef>
#include <memory_resource>
#include <utility>

namespace allot {

/// Owns objects in a pool, or any other resource, that are referred to by handles: for graphs of things that come and
/// go, such as entities, sessions or nodes, where a reference may be kept longer than what it refers to. A stale handle
/// is found out, whatever lies at the old address by then, and never followed.
///
/// Every object is a block of its own and stays where it is until it is erased. Slots are used again, up to
/// 2^GenerationBits - 1 objects each; a slot that had so many is retired, at the cost of its 24 bytes. The next free
/// slot is the one freed last.
///
/// The resource must outlive the table and must not be released or rewound under it: for objects in an arena there is
/// arena_handles. A table that was moved from is empty; the handles are the new one's.
///
/// Not thread-safe; const calls may come from many threads.
template <class T, unsigned GenerationBits = 32>
class handle_table {
 public:
  /// `objects` is where objects lie, `slots` where the table does; it is one allocation, which doubles.
  /// @{
  explicit handle_table(std::pmr::memory_resource& objects) : handle_table(objects, objects) {}
  handle_table(std::pmr::memory_resource& objects, std::pmr::memory_resource& slots)
      : objects_(&objects), slots_(slots) {}
  /// @}

  /// The handles are the new one's; the other is empty.
  handle_table(handle_table&&) noexcept = default;
  handle_table(const handle_table&) = delete;
  handle_table& operator=(const handle_table&) = delete;
  handle_table& operator=(handle_table&&) = delete;
  ~handle_table() {
    while (!empty()) clear();
  }

  /// Constructs an object, with the resource where it can use one.
  /// @throws what the resources or the constructor throw; the table is as before
  template <class... Args>
  handle<T> emplace(Args&&... args) {
    auto made = allot::make_unique<T>(*objects_, std::forward<Args>(args)...);
    const handle<T> of = slots_.put(made.get());
    (void)made.release();
    return of;
  }
  handle<T> insert(T object) { return emplace(std::move(object)); }

  /// Null when the handle is stale, or of no object.
  /// @{
  T* get(handle<T> of) noexcept {
    T* const* const found = slots_.find(of);
    return found != nullptr ? *found : nullptr;
  }
  const T* get(handle<T> of) const noexcept { return const_cast<handle_table*>(this)->get(of); }
  /// @}
  bool contains(handle<T> of) const noexcept { return get(of) != nullptr; }

  /// Destroys the object; false when there is none. Its handles are stale already while its destructor runs.
  bool erase(handle<T> of) noexcept {
    T* const gone = get(of);
    if (gone == nullptr) return false;
    slots_.take_out(of);
    delete_object(*objects_, gone);
    return true;
  }

  /// Erases all objects; of those that their destructors put in meanwhile some may stay.
  void clear() noexcept {
    for (std::size_t i = 0; i < slots_.count(); ++i) (void)erase(slots_.at(i));
  }

  std::size_t size() const noexcept { return slots_.live(); }
  bool empty() const noexcept { return size() == 0; }

  /// Calls visit(handle, object) for every object, in no stated order. It may erase, and insert; it need not see what
  /// was inserted meanwhile.
  template <class Visit>
  void for_each(Visit visit) {
    for (std::size_t i = 0; i < slots_.count(); ++i) {
      const handle<T> of = slots_.at(i);
      if (T* const object = get(of); object != nullptr) visit(of, *object);
    }
  }

 private:
  std::pmr::memory_resource* objects_;
  handle_slots<T, T*, GenerationBits> slots_;
};

}  // namespace allot
