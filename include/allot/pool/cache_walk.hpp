#pragma once

#include <allot/pool/pool_core.hpp>
#include <cstddef>

// Looking at a pool's blocks when some of those that are not free for the slabs are in magazines. `each_cached` calls
// visit(block, class index) for every block in a magazine and arrays(array) for every magazine's own.

namespace allot {

/// While this lives, the store takes what is in magazines, and these, for free.
template <class EachCached>
class cached_marks {
 public:
  /// @param each_cached  calls its first argument for every block in a magazine, its second for every array
  cached_marks(const slab_store& store, EachCached each_cached) noexcept : store_(store), each_cached_(each_cached) {
    mark(true);
  }
  cached_marks(const cached_marks&) = delete;
  cached_marks& operator=(const cached_marks&) = delete;
  ~cached_marks() { mark(false); }

 private:
  void mark(bool free) noexcept {
    each_cached_([&](const void* block, std::size_t) { store_.mark(block, free); },
                 [&](const void* array) { store_.mark(array, free); });
  }

  const slab_store& store_;
  EachCached each_cached_;
};

/// Every block in use, then every one that is free, in a magazine or not; of magazines' own none.
template <class EachCached>
void visit_uncached(const pool_core& core, block_visitor visitor, EachCached each_cached) {
  {
    const cached_marks marks(core.store(), each_cached);
    core.for_each_used(visitor);
  }
  const auto each_block = [&](auto visit, auto) { each_cached(visit, [](const void*) {}); };
  const cached_marks marks(core.store(), each_block);
  core.store().for_each_free(visitor);
}

/// What the core knows of an address. Blocks that lie in a cache, which are used to the core, are free here.
template <class EachCached>
block_info find_uncached(const pool_core& core, const void* p, EachCached each_cached) noexcept {
  block_info found = core.find(p);
  each_cached(
      [&](const void* block, std::size_t) {
        if (block == found.begin) found.state = block_state::free;
      },
      [&](const void* array) {
        if (array == found.begin) found.state = block_state::free;
      });
  return found;
}

/// Whether the core is sound, and each block in a cache is one that the core handed out.
template <class EachCached>
bool check_with_caches(const pool_core& core, EachCached each_cached) noexcept {
  bool sound = core.store().check();
  std::size_t arrays = 0;
  each_cached([&](const void* block, std::size_t index) { sound = sound && core.store().judge(block, index).fine; },
              [&](const void* array) {
                sound = sound && core.store().find(array).state == block_state::used;
                ++arrays;
              });
  return sound && arrays == core.store().array_count();
}

}  // namespace allot
