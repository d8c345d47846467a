#pragma once

#include <allot/core/compiler.hpp>
#include <allot/pool/magazine.hpp>
#include <allot/pool/size_table.hpp>
#include <allot/pool/slab_store.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace allot {

/// The magazines of one thread: for each block size the loaded one, and a second that is full or empty. So whoever
/// frees and allocates at the edge of a magazine does not go to the slabs each time. Magazines start small and grow as
/// they are used; where the store has no room for one, blocks go straight to and from the slabs.
///
/// What takes a store needs it for itself. Not thread-safe, but that any thread may ask for count().
class ALLOT_EXPORT block_cache {
 public:
  static constexpr std::size_t most_classes = size_table::most_classes;  ///< of block sizes

  block_cache() noexcept = default;
  block_cache(const block_cache&) = delete;
  block_cache& operator=(const block_cache&) = delete;

  /// False where the magazine is empty; for size_table::no_class it always is.
  ALLOT_ALWAYS_INLINE bool pop(std::size_t index, void*& p) noexcept { return loaded_[index].pop(p); }
  /// False where the magazine is full; for size_table::no_class it always is.
  ALLOT_ALWAYS_INLINE bool push(std::size_t index, void* p) noexcept { return loaded_[index].push(p); }

  /// Free blocks in both magazines.
  std::size_t count(std::size_t index) const noexcept {
    return std::size_t{loaded_[index].count.load(std::memory_order_relaxed)} +
           second_[index].count.load(std::memory_order_relaxed);
  }

  // ---- when the loaded magazine is empty

  /// Loads the second one. False where that is empty, too.
  bool load_second(std::size_t index) noexcept;
  /// Loads one from elsewhere.
  void load(std::size_t index, magazine_array& full, slab_store& store) noexcept;
  /// Fills the loaded magazine from the store, and returns a block besides.
  /// @throws what the store's upstream throws; nothing has changed
  void* refill(std::size_t index, slab_store& store);

  // ---- when the loaded magazine is full

  /// Loads the second one where that is empty.
  bool unload_to_second(std::size_t index) noexcept;
  /// Takes the second magazine, which is full, away. Null where there is none, or it is still to grow: then its blocks
  /// are better in the slabs, which need room for larger ones.
  magazine_array* take_second(std::size_t index, const slab_store& store) noexcept;
  /// Makes room by giving blocks back. False where there is no room for a magazine.
  bool make_room(std::size_t index, slab_store& store, std::string_view pool);

  // ---- all of it

  /// Gives every block back, and the magazines' own.
  void empty_into(slab_store& store, std::string_view pool);

  /// Calls visit(block, class index) for every free block, and arrays(array) for every magazine's own.
  template <class Visit, class Arrays>
  void for_each(Visit visit, Arrays arrays) const {
    for (std::size_t i = 0; i < most_classes; ++i) {
      const magazine& loaded = loaded_[i];
      for (std::uint32_t k = 0; k < loaded.count.load(std::memory_order_relaxed); ++k) visit(loaded.slots[k], i);
      for (std::uint32_t k = 0; k < second_[i].count.load(std::memory_order_relaxed); ++k)
        visit(second_[i].array->slots()[k], i);
      if (loaded.slots != nullptr) arrays(array_of(loaded));
      if (second_[i].array != nullptr) arrays(second_[i].array);
    }
  }

  /// As constructed; the blocks are somebody else's now.
  void forget() noexcept;

 private:
  struct second_magazine {
    magazine_array* array = nullptr;
    std::atomic<std::uint32_t> count{0};
  };

  static magazine_array* array_of(const magazine& loaded) noexcept {
    return reinterpret_cast<magazine_array*>(loaded.slots) - 1;
  }
  static void set(magazine& loaded, magazine_array* array, std::uint32_t count) noexcept;
  void enlarge_loaded(std::size_t index, slab_store& store) noexcept;
  void enlarge_second(std::size_t index, slab_store& store) noexcept;

  magazine loaded_[most_classes + 1];  // the last is always empty and full
  second_magazine second_[most_classes];
};

}  // namespace allot
