// What gdb looks into: one of each, with known contents. Stops where it has them.

#include <allot/adaptor/debug_resource.hpp>
#include <allot/arena/chained_arena.hpp>
#include <allot/arena/local_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/block/guarded_page_resource.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/container/vlarray.hpp>
#include <allot/core/compiler.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/pool/pool_resource.hpp>
#include <array>
#include <cstddef>

extern "C" ALLOT_NEVER_INLINE void stop_here(const void* kept) { ALLOT_ASSUME_READ(kept); }

int main() {
  alignas(16) static std::array<std::byte, 1000> buffer;
  allot::monotonic_arena_options arena_options;
  arena_options.name = "frame";
  allot::monotonic_arena arena(buffer.data(), buffer.size(), arena_options);
  auto* const pushed = static_cast<std::byte*>(arena.push(100));
  allot::local_arena<256> local;
  allot::chained_arena chain;
  (void)chain.push(40);

  allot::heap_options heap_options;
  heap_options.name = "scene";
  allot::coalescing_heap heap(heap_options);
  allot::pool_options pool_options;
  pool_options.name = "nodes";
  allot::pool_resource pool(pool_options, &heap);
  auto* const node = static_cast<std::byte*>(pool.allocate(41));
  void* const from_heap = heap.allocate(160);

  allot::guarded_page_options guarded_options;
  guarded_options.name = "hunt";
  allot::guarded_page_resource guarded(guarded_options);
  auto* const hunted = static_cast<std::byte*>(guarded.allocate(41, 1));

  allot::page_resource_options page_options;
  page_options.name = "textures";
  allot::page_resource pages(page_options);
  auto* const gone = static_cast<std::byte*>(pages.allocate(10000));
  pages.deallocate(gone, 10000);

  allot::vlarray<int> numbers{7, 8, 9};
  const std::array<const void*, 7> kept{pushed, node, from_heap, hunted, gone, numbers.data(), &local};
  stop_here(kept.data());
  guarded.deallocate(hunted, 41, 1);
  heap.deallocate(from_heap, 160);
  pool.deallocate(node, 41);
}
