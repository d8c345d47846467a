#pragma once

#include <allot/arena/arena.hpp>
#include <allot/arena/arena_mark.hpp>
#include <allot/inspect/handle.hpp>
#include <allot/inspect/handle_slots.hpp>
#include <allot/inspect/inspection_memory.hpp>
#include <cstddef>
#include <memory_resource>
#include <type_traits>
#include <utility>

namespace allot {

/// Handles for objects in an arena, which go all at once when the arena is rewound, cleared or released: their handles
/// are stale from then on, also when other objects lie at the same addresses, and never followed.
///
/// With every object goes a mark of the arena behind it. The object is there as long as the mark is good, which means
/// that the arena was never below it since. The arena is told to remember all its returns, so that this is exact; when
/// the system has no memory for that, objects may count as gone that are not, never the other way round.
///
/// An arena runs no destructors, so objects must not need any. The arena must outlive the table; when it is moved, all
/// handles are stale. Slots of what is gone are used again, up to 2^GenerationBits - 1 times.
///
/// Not thread-safe, not even for const calls; nor may the arena be used by others meanwhile.
template <class T, unsigned GenerationBits = 32>
class arena_handles {
  static_assert(std::is_trivially_destructible_v<T>, "an arena runs no destructors: use handle_table");

 public:
  /// The table itself lies in `slots`, which must not be the arena.
  explicit arena_handles(arena& objects, std::pmr::memory_resource& slots = inspection_memory())
      : arena_(&objects), slots_(slots) {
    arena_->remember_all_returns();
  }

  /// The handles are the new one's; the other is empty.
  arena_handles(arena_handles&&) noexcept = default;
  arena_handles(const arena_handles&) = delete;
  arena_handles& operator=(const arena_handles&) = delete;
  arena_handles& operator=(arena_handles&&) = delete;

  /// Pushes an object.
  /// @throws what the arena, the memory of the slots or the constructor throws; table and arena are as before
  template <class... Args>
  handle<T> emplace(Args&&... args) {
    // Few slots are no gain: the next sweep would come too soon.
    if (slots_.full() && sweep() <= slots_.count() / 2) slots_.grow();
    const arena_mark before = arena_->mark();
    T* const made = arena_->push<T>(std::forward<Args>(args)...);
    try {
      return slots_.put({made, arena_->mark()});  // throws only if the constructor took the room
    } catch (...) {
      (void)arena_->try_rewind(before);
      throw;
    }
  }
  handle<T> insert(const T& object) { return emplace(object); }

  /// Null when the handle is of no object, or the object is gone.
  T* get(handle<T> of) const noexcept {
    const entry* const found = slots_.find(of);
    return found != nullptr && arena_->is_good(found->behind) ? found->object : nullptr;
  }
  bool contains(handle<T> of) const noexcept { return get(of) != nullptr; }

  /// The handle is stale from now on; the object's bytes stay the arena's. False when it is stale already.
  bool erase(handle<T> of) noexcept {
    const bool there = contains(of);
    if (there) slots_.take_out(of);
    return there;
  }

  /// Forgets objects that are gone, as an insertion does before the table grows. Returns how many.
  std::size_t sweep() noexcept {
    std::size_t gone = 0;
    for (std::size_t i = 0; i < slots_.count(); ++i) {
      const handle<T> of = slots_.at(i);
      if (!of || contains(of)) continue;
      slots_.take_out(of);
      ++gone;
    }
    return gone;
  }

  /// Looks at every slot.
  std::size_t size() const noexcept {
    std::size_t there = 0;
    for (std::size_t i = 0; i < slots_.count(); ++i) there += contains(slots_.at(i)) ? 1U : 0U;
    return there;
  }

 private:
  struct entry {
    T* object = nullptr;
    arena_mark behind;
  };

  arena* arena_;
  handle_slots<T, entry, GenerationBits> slots_;
};

}  // namespace allot
