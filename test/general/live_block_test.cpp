#include <allot/adaptor/debug_resource.hpp>
#include <allot/adaptor/limiting_resource.hpp>
#include <allot/adaptor/statistics_resource.hpp>
#include <allot/adaptor/synchronized_resource.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/general/concurrent_general_resource.hpp>
#include <allot/general/general_resource.hpp>
#include <allot/secure/secure_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <memory_resource>
#include <random>
#include <thread>
#include <vector>

// resource::live_block(): whoever has only a pointer can free the block.

using namespace allot;

namespace {

struct block {
  void* p;
  std::size_t bytes;
  unsigned char value;
};

block take(resource& from, std::mt19937& random) {
  const std::size_t bytes = std::size_t{1} << (random() % 18);
  const std::size_t size = bytes + random() % bytes;
  const std::size_t alignment = random() % 4 == 0 ? std::size_t{1} << (random() % 14) : 16;
  void* const p = from.allocate(size, alignment);
  const auto value = static_cast<unsigned char>(random());
  std::memset(p, value, size);
  return {p, size, value};
}

/// Its bytes are there, as much as is said may be used, and it goes by what was said of it.
bool give(resource& to, const block& gone) {
  const block_extent is = to.live_block(gone.p);
  const auto* const bytes = static_cast<const unsigned char*>(gone.p);
  bool whole = is.bytes >= gone.bytes && is_power_of_two(is.alignment);
  constexpr std::size_t stride = 61;  // all of them take ThreadSanitizer long
  for (std::size_t i = 0; i < gone.bytes; i += stride) whole = whole && bytes[i] == gone.value;
  whole = whole && bytes[gone.bytes - 1] == gone.value;
  if (!whole) return false;
  // A memory tool wants no more touched than was asked for.
  std::memset(gone.p, 0, memory_tools::active() ? gone.bytes : is.bytes);
  to.deallocate(gone.p, is.bytes, is.alignment);
  return true;
}

void come_and_go(resource& memory, unsigned seed, std::size_t rounds = 20000) {
  std::mt19937 random(seed);
  std::vector<block> live;
  std::size_t lost = 0;
  for (std::size_t i = 0; i < rounds; ++i) {
    if (live.size() < 300 && random() % 16 < 9) {
      live.push_back(take(memory, random));
    } else if (!live.empty()) {
      std::swap(live[random() % live.size()], live.back());
      if (!give(memory, live.back())) ++lost;
      live.pop_back();
    }
  }
  for (const block& each : live)
    if (!give(memory, each)) ++lost;
  if (lost != 0) throw std::runtime_error(std::to_string(lost) + " blocks are not as they were");
}

template <class Resource>
void expect_all_found(Resource& memory) {
  BOOST_CHECK_NO_THROW(come_and_go(memory, 1));
  BOOST_TEST(memory.check());
  BOOST_TEST(memory.usage().used == 0u);
  int local = 0;
  BOOST_TEST(memory.live_block(&local).bytes == 0u);
  BOOST_TEST(memory.live_block(nullptr).bytes == 0u);
  auto* const inner = static_cast<std::byte*>(memory.allocate(1000, 16));
  BOOST_TEST(memory.live_block(inner + 16).bytes == 0u);
  BOOST_TEST(memory.live_block(inner + 1).bytes == 0u);
  memory.deallocate(inner, 1000, 16);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(live_block)

BOOST_AUTO_TEST_CASE(heaps_find_blocks) {
  for (const bool checked : {false, true}) {
    heap_options options;
    options.checked = checked;
    coalescing_heap heap(options);
    expect_all_found(heap);
  }
}

BOOST_AUTO_TEST_CASE(pools_find_blocks_pooled_and_large) {
  for (const bool checked : {false, true}) {
    pool_options options;
    options.checked = checked;
    page_resource pages;
    pool_resource pool(options, &pages);
    expect_all_found(pool);
    concurrent_pool shared(options, &pages);
    expect_all_found(shared);
  }
}

BOOST_AUTO_TEST_CASE(general_resources_find_blocks_of_all_tiers) {
  for (const bool checked : {false, true}) {
    for (const std::size_t small_limit : {std::size_t{0}, std::size_t{64}, std::size_t{8000}}) {
      general_options options;
      options.checked = checked;
      options.small_limit = small_limit;
      general_resource general(options);
      expect_all_found(general);
      concurrent_general_resource shared(options);
      expect_all_found(shared);
    }
  }
}

BOOST_AUTO_TEST_CASE(secure_resources_find_exact_sizes) {
  for (const secure_level level : {secure_level::checked, secure_level::hardened, secure_level::paranoid}) {
    secure_options options;
    options.level = level;
    secure_resource secure(options);
    BOOST_CHECK_NO_THROW(come_and_go(secure, 2, 3000));
    void* const p = secure.allocate(100, 64);
    BOOST_TEST(secure.live_block(p).bytes == 100u);
    BOOST_TEST(secure.live_block(p).alignment == 64u);
    secure.deallocate(p, 100, 64);
    BOOST_TEST(secure.live_block(p).bytes == 0u);
  }
}

BOOST_AUTO_TEST_CASE(adaptors_ask_what_they_stand_on_and_others_cannot_tell) {
  coalescing_heap heap;
  statistics_resource counted(heap);
  synchronized_resource shared(counted);
  expect_all_found(shared);

  debug_resource fenced(heap);
  void* const p = fenced.allocate(64);
  BOOST_TEST(fenced.live_block(p).bytes == 0u);
  fenced.deallocate(p, 64);
  limiting_resource limited(1000, heap);
  void* const charged = limited.allocate(20);
  BOOST_TEST(limited.live_block(charged).bytes == 0u);  // more than 20 would not be what it was charged with
  limited.deallocate(charged, 20);
  statistics_resource foreign(*std::pmr::new_delete_resource());
  BOOST_TEST(foreign.live_block(&heap).bytes == 0u);
}

BOOST_AUTO_TEST_CASE(many_threads_find_their_blocks_while_chunks_come_and_go) {
  concurrent_general_resource general;
  concurrent_pool pool;
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (unsigned i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      try {
        for (unsigned round = 0; round < 3; ++round) {
          come_and_go(general, i * 10 + round, 6000);
          come_and_go(pool, i * 10 + round, 3000);
          (void)general.trim();
        }
      } catch (...) {
        ++failed;
      }
    });
  for (std::thread& each : threads) each.join();
  BOOST_TEST(failed == 0);
  BOOST_TEST(general.check());
  BOOST_TEST(general.usage().used == 0u);
}

/// A block may be freed by a thread that has never seen its chunk.
BOOST_AUTO_TEST_CASE(blocks_of_another_thread_are_found) {
  concurrent_general_resource general;
  std::vector<block> made;
  std::thread([&] {
    std::mt19937 random(7);
    for (int i = 0; i < 5000; ++i) made.push_back(take(general, random));
  }).join();
  std::size_t lost = 0;
  std::thread([&] {
    for (const block& each : made)
      if (!give(general, each)) ++lost;
  }).join();
  BOOST_TEST(lost == 0u);
  BOOST_TEST(general.usage().used == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
