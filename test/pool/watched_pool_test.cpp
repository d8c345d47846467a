// What a memory tool sees of a pool. The library may be built plainly; this program must not be.

#include <allot/arena/monotonic_arena.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/testing/counting_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <memory>
#include <memory_resource>
#include <vector>

#include "pool/pools.hpp"
#include "support/child.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using test::held_block;

namespace {

void write(void* p, std::ptrdiff_t offset) { static_cast<volatile char*>(p)[offset] = 1; }

const test::child_program past{"watched_past_a_pools_block", [] {
                                 pool_resource pool;
                                 void* p = pool.allocate(64);
                                 (void)pool.allocate(64);
                                 write(p, 64);
                               }};
const test::child_program past_odd{"watched_past_a_pools_odd_block", [] {
                                     pool_resource pool;
                                     void* p = pool.allocate(13, 1);
                                     (void)pool.allocate(13, 1);
                                     write(p, 13);
                                   }};
const test::child_program before{"watched_before_a_pools_block", [] {
                                   pool_resource pool;
                                   (void)pool.allocate(64);
                                   write(pool.allocate(64), -1);
                                 }};
const test::child_program after_free{"watched_after_a_free_in_a_pool", [] {
                                       pool_resource pool;
                                       void* p = pool.allocate(64);
                                       (void)pool.allocate(64);
                                       pool.deallocate(p, 64);
                                       write(p, 20);
                                     }};
const test::child_program after_release{"watched_after_release_of_a_pool", [] {
                                          alignas(64) static std::array<std::byte, 100'000> buffer;
                                          std::pmr::monotonic_buffer_resource memory(buffer.data(), buffer.size());
                                          pool_resource upper(&memory);
                                          pool_options options;
                                          options.first_chunk = 4096;  // a block of the upper one
                                          pool_resource pool(options, &upper);
                                          void* p = pool.allocate(64);
                                          pool.release();
                                          write(p, 0);
                                        }};
const test::child_program never_handed_out{"watched_what_a_pool_never_handed_out", [] {
                                             pool_resource pool;
                                             write(pool.allocate(64), 5000);
                                           }};
const test::child_program past_shrunk{"watched_past_a_shrunk_block_of_a_pool", [] {
                                        pool_resource pool;
                                        void* p = pool.allocate(24, 8);
                                        if (pool.try_expand(p, 24, 18, 8)) write(p, 18);
                                      }};
const test::child_program past_checked{"watched_past_a_checked_pools_block", [] {
                                         pool_options options;
                                         options.checked = true;
                                         pool_resource pool(options);
                                         write(pool.allocate(64), 64);
                                       }};

pool_options variant(unsigned number) {
  pool_options options;
  options.checked = (number & 1U) != 0;
  options.zero_on_free = (number & 2U) != 0;
  options.page_local = (number & 4U) != 0;
  options.cache_line_blocks = (number & 8U) != 0;
  options.first_chunk = 4096;
  return options;
}

bool all_accessible(const void* p, std::size_t bytes, bool accessible) {
  for (std::size_t i = 0; i < bytes; ++i)
    if (memory_tools::accessible(static_cast<const std::byte*>(p) + i) != accessible) return false;
  return true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(watched_pools)

BOOST_AUTO_TEST_CASE(exactly_what_is_handed_out_is_accessible) {
  if (!memory_tools::active()) return test::skip("ThreadSanitizer and the address sanitizer do not go together");
  for (unsigned number = 0; number < 16; ++number) {
    pool_resource pool(variant(number));
    for (int round = 0; round < 2; ++round) {
      std::vector<held_block> blocks;
      bool good = true;
      for (std::size_t bytes = 1; bytes < 3000; bytes += bytes < 200 ? 1 : 53) {
        blocks.push_back(test::take(pool, bytes, std::size_t{1} << bytes % 8));
        std::memset(blocks.back().p, 1, bytes);
      }
      for (const held_block& each : blocks) {
        good = good && all_accessible(each.p, each.bytes, true);
        // At least the redzone behind it is nobody's.
        good = good && all_accessible(static_cast<const std::byte*>(each.p) + each.bytes, memory_tools::redzone, false);
      }
      BOOST_TEST(good, number);
      for (const held_block& each : blocks) {
        test::give(pool, each);
        good = good && all_accessible(each.p, each.bytes, false);
      }
      BOOST_TEST(good, number);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_block_that_grows_and_shrinks_is_accessible_as_far_as_it_goes) {
  if (!memory_tools::active()) return test::skip("ThreadSanitizer and the address sanitizer do not go together");
  pool_resource pool;
  void* const p = pool.allocate(17, 1);
  const std::size_t room = pool.find_block(p).bytes - memory_tools::redzone;
  BOOST_TEST(room > 18u);
  BOOST_TEST(pool.try_expand(p, 17, room, 1));
  BOOST_TEST(all_accessible(p, room, true));
  BOOST_TEST(all_accessible(static_cast<std::byte*>(p) + room, memory_tools::redzone, false));
  BOOST_TEST(pool.try_expand(p, room, 18, 1));
  BOOST_TEST(all_accessible(p, 18, true));
  BOOST_TEST(all_accessible(static_cast<std::byte*>(p) + 18, room - 18, false));
  BOOST_TEST(!pool.try_expand(p, 18, room + 1, 1));
  pool.deallocate(p, 18, 1);
}

BOOST_AUTO_TEST_CASE(what_goes_back_to_the_upstream_can_be_used_freely) {
  alignas(64) static std::array<std::byte, 200'000> buffer;
  for (unsigned number = 0; number < 16; ++number) {
    for (int way = 0; way < 4; ++way) {
      std::pmr::monotonic_buffer_resource memory(buffer.data(), buffer.size(), std::pmr::null_memory_resource());
      {
        pool_options options = variant(number);
        if (way == 3) options.returns = chunk_return::at_once;
        pool_resource pool(options, &memory);
        std::vector<held_block> blocks = test::take_mixed(pool, 50, 300);
        if (way == 1) pool.release();
        if (way >= 2) test::give_all_at_random(pool, blocks);
        if (way == 2) (void)pool.trim();
      }
      for (std::size_t at = 0; at < buffer.size(); ++at) write(buffer.data(), static_cast<std::ptrdiff_t>(at));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_pool_in_an_arena_that_is_cleared_leaves_it_usable) {
  monotonic_arena arena;
  pool_resource pool(&arena);
  for (int round = 0; round < 3; ++round) {
    (void)test::take_mixed(pool, 200, 300);
    arena.clear();
    pool.abandon();
    void* const p = arena.allocate(50'000);
    std::memset(p, 1, 50'000);
    arena.clear();
  }
}

BOOST_AUTO_TEST_CASE(a_double_free_is_found_by_a_watched_pool_at_once) {
  if (!memory_tools::active()) return test::skip("ThreadSanitizer and the address sanitizer do not go together");
  const test::misuse_watch watch;
  pool_resource pool;
  void* const p = pool.allocate(64);
  pool.deallocate(p, 64);
  pool.deallocate(p, 64);
  BOOST_TEST(watch.only(misuse_kind::double_free));
  BOOST_TEST(all_accessible(p, 64, false));
}

BOOST_AUTO_TEST_CASE(writes_outside_blocks_and_after_their_end_are_reported) {
  if (!memory_tools::active()) return test::skip("ThreadSanitizer and the address sanitizer do not go together");
  for (const char* name :
       {"watched_past_a_pools_block", "watched_past_a_pools_odd_block", "watched_before_a_pools_block",
        "watched_after_a_free_in_a_pool", "watched_after_release_of_a_pool", "watched_what_a_pool_never_handed_out",
        "watched_past_a_shrunk_block_of_a_pool", "watched_past_a_checked_pools_block"}) {
    const auto outcome = test::run_child(name);
    BOOST_TEST(outcome.says("AddressSanitizer"), name);
    BOOST_TEST(outcome.exit_code != 0, name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
