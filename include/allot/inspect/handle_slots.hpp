#pragma once

#include <allot/core/allocation_error.hpp>
#include <allot/inspect/handle.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory_resource>
#include <utility>
#include <vector>

namespace allot {

/// What tables of handles have in common: slots, each with the generation of what is or will be in it. A slot whose
/// generations are used up is never used again, so that no handle ever comes to stand for another object.
///
/// Not thread-safe.
template <class T, class Entry, unsigned GenerationBits>
class handle_slots {
  static_assert(GenerationBits >= 1 && GenerationBits <= 32, "generations have up to 32 bits");

 public:
  /// What is in a slot with this one is the last there.
  static constexpr std::uint32_t last_generation = (std::numeric_limits<std::uint32_t>::max)() >> (32 - GenerationBits);

  /// No slots yet. The memory must outlive this object.
  explicit handle_slots(std::pmr::memory_resource& memory) : slots_(&memory) {}
  /// The other has no slots then.
  handle_slots(handle_slots&& other) noexcept
      : slots_(std::move(other.slots_)),
        free_(std::exchange(other.free_, none)),
        live_(std::exchange(other.live_, 0)) {}

  std::size_t live() const noexcept { return live_; }           ///< slots with something in them
  std::size_t count() const noexcept { return slots_.size(); }  ///< all slots, retired ones too
  /// Whether the next put() has to grow().
  bool full() const noexcept { return free_ == none && slots_.size() == slots_.capacity(); }

  /// Room for one more at least, so that the next put() cannot throw.
  /// @throws what the memory throws; allocation_error (limit_reached) when there are 2^32 - 1 slots already
  void make_room() {
    if (full()) grow();
  }
  /// Room for twice as many slots, 64 at first.
  /// @throws as make_room()
  void grow() {
    if (slots_.size() >= none)
      throw allocation_error({memory_errc::limit_reached, "handle_table", sizeof(slot), alignof(slot), none});
    constexpr std::size_t fewest = 64;
    slots_.reserve(slots_.size() < fewest ? fewest : slots_.size() > none / 2 ? none : slots_.size() * 2);
  }

  /// @throws as make_room(); nothing has changed then
  handle<T> put(Entry entry) {
    make_room();
    std::uint32_t index = free_;
    if (index != none) {
      free_ = slots_[index].next_free;
    } else {
      index = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    }
    slot& at = slots_[index];
    at.entry = entry;
    at.live = true;
    ++live_;
    return {index, at.generation};
  }

  /// What was put in with that handle, unless it was taken out; null then.
  Entry* find(handle<T> of) noexcept {
    if (of.index() >= slots_.size()) return nullptr;
    slot& at = slots_[of.index()];
    return at.live && at.generation == of.generation() ? &at.entry : nullptr;
  }
  const Entry* find(handle<T> of) const noexcept { return const_cast<handle_slots*>(this)->find(of); }

  /// The handle is stale from now on. It must not be already.
  void take_out(handle<T> of) noexcept {
    slot& at = slots_[of.index()];
    at.entry = {};
    at.live = false;
    --live_;
    if (at.generation == last_generation) return;  // retired
    ++at.generation;
    at.next_free = free_;
    free_ = of.index();
  }

  /// The handle of what is in that slot; of no object when nothing is.
  handle<T> at(std::size_t index) const noexcept {
    const slot& one = slots_[index];
    return one.live ? handle<T>(static_cast<std::uint32_t>(index), one.generation) : handle<T>();
  }

 private:
  static constexpr std::uint32_t none = (std::numeric_limits<std::uint32_t>::max)();

  struct slot {
    Entry entry = {};
    std::uint32_t generation = 1;
    std::uint32_t next_free = none;
    bool live = false;
  };

  std::pmr::vector<slot> slots_;
  std::uint32_t free_ = none;  // the slot freed last
  std::size_t live_ = 0;
};

}  // namespace allot
