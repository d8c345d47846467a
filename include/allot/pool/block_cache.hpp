#pragma once

#include <allot/pool/magazine.hpp>
#include <allot/pool/size_table.hpp>
#include <allot/pool/slab_store.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace allot {

/// The magazines of one thread: for each block size the one in use, and behind it a full one or none. So whoever frees
/// and allocates at the edge of a magazine does not go to the slabs each time.
///
/// Not thread-safe, but that any thread may ask for count().
class block_cache {
 public:
  static constexpr std::size_t most_classes = size_table::most_classes;

  block_cache() noexcept = default;
  block_cache(const block_cache&) = delete;
  block_cache& operator=(const block_cache&) = delete;

  /// Null where the magazine is empty; for size_table::no_class it always is.
  ALLOT_ALWAYS_INLINE void* pop(std::size_t index) noexcept { return loaded_[index].pop(); }
  /// False where the magazine is full; for size_table::no_class it always is.
  ALLOT_ALWAYS_INLINE bool push(std::size_t index, void* p) noexcept { return loaded_[index].push(p); }

  /// The most blocks of a magazine, once it has been used; 0 before.
  std::uint32_t capacity(std::size_t index) const noexcept { return loaded_[index].capacity; }
  void set_capacity(std::size_t index, std::uint32_t blocks) noexcept {
    loaded_[index].capacity = blocks;
    loaded_[index].room.store(blocks, std::memory_order_relaxed);
  }

  /// Free blocks in both magazines.
  std::size_t count(std::size_t index) const noexcept {
    const magazine& loaded = loaded_[index];
    return loaded.count() +
           (full_[index].load(std::memory_order_relaxed) != nullptr ? std::size_t{loaded.capacity} : 0U);
  }

  /// Fills the empty magazine with these, or with the full one where there is one (and then `more` is not called).
  template <class More>
  void load(std::size_t index, More more) {
    magazine& loaded = loaded_[index];
    slab_store::list blocks{full_[index].load(std::memory_order_relaxed), loaded.capacity};
    if (blocks.first != nullptr) {
      full_[index].store(nullptr, std::memory_order_relaxed);
    } else {
      blocks = more(loaded.capacity);
    }
    loaded.head = blocks.first;
    loaded.room.store(loaded.capacity - blocks.count, std::memory_order_relaxed);
  }

  /// Puts the magazine, which is full, behind, and returns the full one that was there.
  slab_store::list unload(std::size_t index) noexcept {
    magazine& loaded = loaded_[index];
    const slab_store::list before{full_[index].load(std::memory_order_relaxed), loaded.capacity};
    full_[index].store(std::exchange(loaded.head, nullptr), std::memory_order_relaxed);
    loaded.room.store(loaded.capacity, std::memory_order_relaxed);
    return before;
  }

  /// Gives every block back.
  void empty_into(slab_store& store, std::string_view pool) {
    for (std::size_t i = 0; i < most_classes; ++i) {
      magazine& loaded = loaded_[i];
      const slab_store::list some{std::exchange(loaded.head, nullptr), loaded.count()};
      const slab_store::list rest{full_[i].load(std::memory_order_relaxed), loaded.capacity};
      loaded.room.store(loaded.capacity, std::memory_order_relaxed);
      full_[i].store(nullptr, std::memory_order_relaxed);
      store.put(i, some, pool);
      store.put(i, rest, pool);
    }
  }

  /// Calls visit(block, class index) for every block, and returns false where a magazine's count is wrong.
  template <class Visit>
  bool for_each(Visit visit) const {
    bool sound = true;
    for (std::size_t i = 0; i < most_classes; ++i) {
      std::size_t left = count(i);
      for (const free_block* list : {static_cast<const free_block*>(loaded_[i].head),
                                     static_cast<const free_block*>(full_[i].load(std::memory_order_relaxed))})
        for (; list != nullptr && left != 0; list = list->next, --left) visit(list, i);
      sound = sound && left == 0;
    }
    return sound;
  }

  /// As constructed; the blocks are somebody else's now.
  void forget() noexcept {
    for (magazine& each : loaded_) {
      each.head = nullptr;
      each.room.store(0, std::memory_order_relaxed);
      each.capacity = 0;
    }
    for (auto& each : full_) each.store(nullptr, std::memory_order_relaxed);
  }

 private:
  magazine loaded_[most_classes + 1];  // the last is always empty and full
  std::atomic<free_block*> full_[most_classes] = {};
};

}  // namespace allot
