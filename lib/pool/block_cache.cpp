#include <algorithm>
#include <allot/pool/block_cache.hpp>
#include <utility>

namespace allot {

void block_cache::set(magazine& loaded, magazine_array* array, std::uint32_t count) noexcept {
  loaded.slots = array != nullptr ? array->slots() : nullptr;
  loaded.capacity = array != nullptr ? array->capacity : 0;
  loaded.count.store(count, std::memory_order_relaxed);
}

bool block_cache::load_second(std::size_t index) noexcept {
  magazine& loaded = loaded_[index];
  second_magazine& second = second_[index];
  const std::uint32_t count = second.count.load(std::memory_order_relaxed);
  if (count == 0) return false;
  magazine_array* const empty = loaded.slots != nullptr ? array_of(loaded) : nullptr;
  set(loaded, std::exchange(second.array, empty), count);
  second.count.store(0, std::memory_order_relaxed);
  return true;
}

void block_cache::load(std::size_t index, magazine_array& full, slab_store& store) noexcept {
  magazine& loaded = loaded_[index];
  if (loaded.slots != nullptr) store.drop_array(*array_of(loaded));
  set(loaded, &full, full.count);
}

void* block_cache::refill(std::size_t index, slab_store& store) {
  magazine& loaded = loaded_[index];
  void* first = nullptr;
  if (loaded.capacity == 0) {
    (void)store.take(index, &first, 1);
  } else {
    const std::uint32_t taken = store.take(index, loaded.slots, loaded.capacity);
    std::reverse(loaded.slots, loaded.slots + taken);  // the lowest address is the first to be used
    first = loaded.slots[taken - 1];
    loaded.count.store(taken - 1, std::memory_order_relaxed);
  }
  enlarge_loaded(index, store);
  return first;
}

bool block_cache::unload_to_second(std::size_t index) noexcept {
  magazine& loaded = loaded_[index];
  second_magazine& second = second_[index];
  if (second.array == nullptr || second.count.load(std::memory_order_relaxed) != 0) return false;
  const std::uint32_t count = loaded.count.load(std::memory_order_relaxed);
  magazine_array* const full = array_of(loaded);
  set(loaded, std::exchange(second.array, full), 0);
  second.count.store(count, std::memory_order_relaxed);
  return true;
}

magazine_array* block_cache::take_second(std::size_t index, const slab_store& store) noexcept {
  second_magazine& second = second_[index];
  if (second.count.load(std::memory_order_relaxed) == 0) return nullptr;
  if (2 * second.array->capacity < store.magazine_capacity(index)) return nullptr;
  second.array->count = second.count.load(std::memory_order_relaxed);
  second.count.store(0, std::memory_order_relaxed);
  return std::exchange(second.array, nullptr);
}

bool block_cache::make_room(std::size_t index, slab_store& store, std::string_view pool) {
  magazine& loaded = loaded_[index];
  second_magazine& second = second_[index];
  if (loaded.capacity == 0) {
    enlarge_loaded(index, store);
    return loaded.capacity != 0;
  }
  if (const std::uint32_t count = second.count.exchange(0, std::memory_order_relaxed); count != 0)
    store.put(index, second.array->slots(), count, pool);
  enlarge_second(index, store);
  if (unload_to_second(index)) return true;
  store.put(index, loaded.slots, loaded.count.exchange(0, std::memory_order_relaxed), pool);
  return true;
}

/// Where it can be had: a larger array, with what is in the magazine.
void block_cache::enlarge_loaded(std::size_t index, slab_store& store) noexcept {
  magazine& loaded = loaded_[index];
  magazine_array* const larger = store.make_array(index, loaded.capacity);
  if (larger == nullptr) return;
  const std::uint32_t count = loaded.count.load(std::memory_order_relaxed);
  if (loaded.slots != nullptr) {
    std::copy_n(loaded.slots, count, larger->slots());
    store.drop_array(*array_of(loaded));
  }
  set(loaded, larger, count);
}

/// The same for the second one, which is empty. A new one is larger than the loaded one, or at least as large.
void block_cache::enlarge_second(std::size_t index, slab_store& store) noexcept {
  second_magazine& second = second_[index];
  const std::uint32_t loaded = loaded_[index].capacity;
  magazine_array* larger = store.make_array(index, second.array != nullptr ? second.array->capacity : loaded);
  if (larger == nullptr && second.array == nullptr) larger = store.make_array(index, loaded - 1);
  if (larger == nullptr) return;
  if (second.array != nullptr) store.drop_array(*second.array);
  second.array = larger;
}

void block_cache::empty_into(slab_store& store, std::string_view pool) {
  for (std::size_t i = 0; i < most_classes; ++i) {
    magazine& loaded = loaded_[i];
    second_magazine& second = second_[i];
    magazine_array* const first = loaded.slots != nullptr ? array_of(loaded) : nullptr;
    const std::uint32_t first_count = loaded.count.load(std::memory_order_relaxed);
    magazine_array* const other = std::exchange(second.array, nullptr);
    const std::uint32_t other_count = second.count.exchange(0, std::memory_order_relaxed);
    set(loaded, nullptr, 0);
    if (first != nullptr) {
      store.put(i, first->slots(), first_count, pool);
      store.drop_array(*first);
    }
    if (other != nullptr) {
      store.put(i, other->slots(), other_count, pool);
      store.drop_array(*other);
    }
  }
}

void block_cache::forget() noexcept {
  for (magazine& each : loaded_) set(each, nullptr, 0);
  for (second_magazine& each : second_) {
    each.array = nullptr;
    each.count.store(0, std::memory_order_relaxed);
  }
}

}  // namespace allot
