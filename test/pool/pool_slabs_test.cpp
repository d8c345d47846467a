// How large slabs and magazines are, and what that means for the memory held.

#include <allot/core/byte_size.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/testing/counting_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "pool/pools.hpp"
#include "support/child.hpp"

using namespace allot;
using namespace allot::literals;
using test::held_block;

namespace {

/// The bin that serves requests of so many bytes.
template <class Pool>
pool_bin bin_for(const Pool& pool, std::size_t bytes) {
  for (const pool_bin& bin : pool.bins())
    if (bin.block_bytes >= bytes) return bin;
  return {};
}

/// Most blocks of a size that a magazine ever has.
template <class Pool>
std::size_t most_at_hand(const pool_options& options, std::size_t bytes) {
  Pool pool(options, std::pmr::new_delete_resource());
  std::vector<held_block> blocks = test::take_many(pool, 3000, bytes);
  std::size_t most = 0;
  for (const held_block& each : blocks) {
    test::give(pool, each);
    most = std::max(most, bin_for(pool, bytes).cached);
  }
  BOOST_TEST(pool.usage().used == 0u);
  return most;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pool_slabs)

BOOST_AUTO_TEST_CASE(sizes_of_slabs_and_magazines_out_of_range_are_brought_into_it) {
  const std::size_t huge = std::numeric_limits<std::size_t>::max();
  BOOST_TEST(pool_options{}.largest_slab == 64_KiB);
  BOOST_TEST(pool_options{}.fewest_in_magazine == 8u);
  for (const auto& [given, used] :
       {std::pair<std::size_t, std::size_t>{0, 0}, {1, 1}, {8_KiB, 8_KiB}, {64_KiB, 64_KiB}, {huge, 64_KiB}}) {
    pool_options options;
    options.largest_slab = given;
    BOOST_TEST(pool_resource(options).options().largest_slab == used);
    BOOST_TEST(concurrent_pool(options).options().largest_slab == used);
  }
  for (const auto& [given, used] :
       {std::pair<std::size_t, std::size_t>{0, 1}, {1, 1}, {2, 2}, {4096, 4096}, {huge, 4096}}) {
    pool_options options;
    options.fewest_in_magazine = given;
    BOOST_TEST(pool_resource(options).options().fewest_in_magazine == used);
    BOOST_TEST(concurrent_pool(options).options().fewest_in_magazine == used);
  }
}

BOOST_AUTO_TEST_CASE(extreme_slabs_and_magazines_serve_every_size) {
  const std::size_t huge = std::numeric_limits<std::size_t>::max();
  for (const std::size_t slab : {0_B, 1_B, 100_B, huge}) {
    for (const std::size_t fewest : {std::size_t{0}, std::size_t{1}, huge}) {
      pool_options options;
      options.largest_slab = slab;
      options.fewest_in_magazine = fewest;
      options.magazine_bytes = 1;
      pool_resource pool(options);
      concurrent_pool other(options);
      for (std::pmr::memory_resource* const each :
           {static_cast<std::pmr::memory_resource*>(&pool), static_cast<std::pmr::memory_resource*>(&other)}) {
        for (int round = 0; round < 2; ++round) {
          std::vector<held_block> blocks = test::take_mixed(*each, 2000, 40000);
          test::give_all_at_random(*each, blocks);
        }
      }
      BOOST_TEST(pool.usage().used == 0u);
      BOOST_TEST(other.usage().used == 0u);
      BOOST_TEST(pool.check());
      BOOST_TEST(other.check());
    }
  }
}

BOOST_AUTO_TEST_CASE(no_slab_is_larger_than_the_largest_but_for_two_blocks) {
  for (const std::size_t largest : {4_KiB, 8_KiB, 64_KiB}) {
    pool_options options;
    options.largest_slab = largest;
    pool_resource pool(options);
    for (const std::size_t bytes : {16_B, 100_B, 1000_B, 6000_B, 30000_B}) {
      std::vector<held_block> blocks = test::take_many(pool, 400_KiB / bytes, bytes, 8);
      const pool_bin bin = bin_for(pool, bytes);
      if (test::plain()) BOOST_TEST_REQUIRE(bin.slabs > 0u);  // a memory tool has them in larger blocks
      // Of few blocks they may be longer, for the sake of what is lost at the end.
      const bool few = bin.block_bytes > largest / 16;
      if (test::plain())
        BOOST_TEST(bin.bytes / bin.slabs <= std::max(largest, 2 * bin.block_bytes) + (few ? 64_KiB : 0_B));
      if (test::plain() && few && bytes == 6000) BOOST_TEST(bin.waste <= bin.bytes / 12);
      // A size that is used much has slabs of the largest size, but for the first ones.
      if (test::plain() && bytes == 100) BOOST_TEST(bin.slabs <= 400_KiB / largest * 2 + 20);
      test::give_all(pool, blocks);
    }
    BOOST_TEST(pool.check());
  }
}

BOOST_AUTO_TEST_CASE(small_slabs_become_empty_where_large_ones_do_not) {
  if (!test::plain()) return test::skip("a memory tool moves the bounds of slabs");
  std::vector<std::size_t> left;
  for (const std::size_t largest : {64_KiB, 4_KiB}) {
    pool_options options;
    options.largest_slab = largest;
    pool_resource pool(options);
    std::vector<held_block> blocks = test::take_many(pool, 20000, 64);
    std::vector<held_block> kept;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (i % 512 == 0)
        kept.push_back(blocks[i]);
      else
        test::give(pool, blocks[i]);
    }
    (void)pool.trim();  // what is in magazines, too
    left.push_back(bin_for(pool, 64).bytes);
    test::give_all(pool, kept);
  }
  BOOST_TEST(left[1] * 4 < left[0]);
}

BOOST_AUTO_TEST_CASE(a_magazine_has_as_many_bytes_as_said_but_for_the_fewest) {
  if (!test::plain()) return test::skip("a memory tool leaves no magazines");
  for (const std::size_t fewest : {std::size_t{1}, std::size_t{2}, std::size_t{8}, std::size_t{20}}) {
    pool_options options;
    options.fewest_in_magazine = fewest;
    BOOST_TEST_CONTEXT(fewest) {
      const std::size_t by_bytes = 16_KiB / 10240;
      BOOST_TEST(most_at_hand<pool_resource>(options, 10240) <= 2 * std::max(by_bytes, fewest));
      BOOST_TEST(most_at_hand<pool_resource>(options, 10240) >= std::max(by_bytes, fewest));
      BOOST_TEST(most_at_hand<pool_resource>(options, 64) >= 126u);  // small blocks are many anyway
    }
    options.magazine_blocks = 3;  // and never more than these
    BOOST_TEST(most_at_hand<pool_resource>(options, 10240) <= 6u);
  }
}

BOOST_AUTO_TEST_CASE(fewer_blocks_in_magazines_hold_less_memory_of_a_concurrent_pool) {
  if (!test::plain()) return test::skip("a memory tool leaves no magazines");
  pool_options options;
  const std::size_t usual = most_at_hand<concurrent_pool>(options, 8000);
  options.fewest_in_magazine = 2;
  const std::size_t few = most_at_hand<concurrent_pool>(options, 8000);
  BOOST_TEST(few >= 2u);
  BOOST_TEST(few * 2 < usual);
}

BOOST_AUTO_TEST_SUITE_END()
