// What a pool shows of its block sizes, as a range among those of range-v3.

#include <allot/pool/bin_range.hpp>
#include <allot/testing/counting_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <iterator>
#include <range/v3/algorithm/any_of.hpp>
#include <range/v3/algorithm/max_element.hpp>
#include <range/v3/numeric/accumulate.hpp>
#include <range/v3/range/concepts.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/range/primitives.hpp>
#include <range/v3/view/drop.hpp>
#include <range/v3/view/filter.hpp>
#include <range/v3/view/reverse.hpp>
#include <range/v3/view/take.hpp>
#include <range/v3/view/transform.hpp>
#include <type_traits>
#include <vector>

#include "pool/pools.hpp"
#include "support/child.hpp"

using namespace allot;
using test::held_block;
using testing::counting_resource;
namespace views = ranges::views;

namespace {

using bins = bin_range<pool_resource>;
static_assert(ranges::random_access_range<bins> && ranges::random_access_range<const bins>);
static_assert(ranges::sized_range<bins> && ranges::common_range<bins>);
static_assert(ranges::viewable_range<bins>);
static_assert(std::is_same_v<ranges::range_value_t<bins>, pool_bin>);
static_assert(std::is_nothrow_default_constructible_v<bins>);

// Elements are made when they are looked at, so a pointer to a member would give a reference to one that is gone.
constexpr auto block_bytes = [](const pool_bin& bin) { return bin.block_bytes; };

std::size_t sum_of(const pool_resource& pool, std::size_t pool_bin::*field) {
  return ranges::accumulate(pool.bins() | views::transform([field](const pool_bin& bin) { return bin.*field; }),
                            std::size_t{0});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pool_bins)

BOOST_AUTO_TEST_CASE(the_bins_of_a_pool_can_be_filtered_and_transformed) {
  pool_resource pool;
  std::vector<held_block> blocks = test::take_many(pool, 7, test::plain() ? 64 : 48);
  blocks.push_back(test::take(pool, 1000));
  const std::vector<pool_bin> used =
      pool.bins() | views::filter([](const pool_bin& bin) { return bin.live != 0; }) | ranges::to<std::vector>();
  BOOST_REQUIRE(used.size() == 2u);
  BOOST_TEST(used[0].block_bytes == 64u);
  BOOST_TEST(used[0].live == 7u);
  BOOST_TEST(used[1].live == 1u);
  const auto sizes = pool.bins() | views::transform(block_bytes) | ranges::to<std::vector>();
  BOOST_TEST(std::is_sorted(sizes.begin(), sizes.end()));
  BOOST_TEST(sizes.size() == pool.bins().size());
  const auto largest_first =
      pool.bins() | views::reverse | views::take(3) | views::transform(block_bytes) | ranges::to<std::vector>();
  BOOST_TEST(largest_first.front() == sizes.back());
  BOOST_TEST(ranges::any_of(pool.bins(), [](const pool_bin& bin) { return bin.waste != 0 || bin.slabs != 0; }));
  const bins kept = pool.bins();
  BOOST_TEST(ranges::distance(kept | views::drop(2)) + 2 == static_cast<std::ptrdiff_t>(kept.size()));
  test::give_all(pool, blocks);
}

BOOST_AUTO_TEST_CASE(the_iterator_goes_everywhere) {
  pool_resource pool;
  test::give(pool, test::take(pool, 1));
  const bins all = pool.bins();
  const auto first = all.begin();
  const auto last = all.end();
  const auto count = static_cast<std::ptrdiff_t>(all.size());
  BOOST_TEST(!all.empty());
  BOOST_TEST((last - first == count));
  BOOST_TEST((*first).block_bytes == all[0].block_bytes);
  BOOST_TEST(first[3].block_bytes == all[3].block_bytes);
  BOOST_TEST((*(first + 3)).block_bytes == all[3].block_bytes);
  BOOST_TEST((*(3 + first)).block_bytes == all[3].block_bytes);
  BOOST_TEST((*(last - 1)).block_bytes == all[all.size() - 1].block_bytes);
  auto at = first;
  BOOST_TEST((*at++).block_bytes == all[0].block_bytes);
  BOOST_TEST((*at).block_bytes == all[1].block_bytes);
  BOOST_TEST((*++at).block_bytes == all[2].block_bytes);
  BOOST_TEST((*at--).block_bytes == all[2].block_bytes);
  BOOST_TEST((*--at).block_bytes == all[0].block_bytes);
  at += 5;
  at -= 2;
  BOOST_TEST((at == first + 3));
  BOOST_TEST((at != first));
  BOOST_TEST((first < at && at > first && first <= at && at >= first && first <= first && first >= first));
  BOOST_TEST(!(at < first));
  BOOST_TEST(!(at <= first));
  BOOST_TEST(!(first >= at));
  BOOST_TEST(bins().empty());
  BOOST_TEST((bins().begin() == bins().end()));
}

BOOST_AUTO_TEST_CASE(bins_that_outlive_their_blocks_are_empty) {
  for (const test::named_options& each : test::every_spacing_and_placement()) {
    BOOST_TEST_CONTEXT(each.name) {
      pool_resource pool(each.options);
      pool.deallocate(pool.allocate(64), 64);
      const auto before = pool.bins();
      BOOST_TEST(!before.empty());
      pool.release();
      for (const pool_bin& bin : before) BOOST_TEST(bin.live + bin.cached + bin.slabs + bin.bytes + bin.waste == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_bins_add_up) {
  for (const test::named_options& each : test::every_spacing_and_placement()) {
    BOOST_TEST_CONTEXT(each.name) {
      counting_resource upstream;
      pool_options options = each.options;
      options.largest_required_pool_block = 3000;
      pool_resource pool(options, &upstream);
      std::vector<held_block> blocks = test::take_mixed(pool, 4000, 2500);
      const auto adds_up = [&] {
        std::size_t live = 0;
        std::size_t live_bytes = 0;
        std::size_t large_bytes = 0;
        for (const held_block& block : blocks) {
          const block_info found = pool.find_block(block.p);
          if (found.exact) {
            large_bytes += found.bytes;
            continue;
          }
          ++live;
          live_bytes += found.bytes;
        }
        std::size_t in_blocks = 0;
        bool whole = true;
        for (const pool_bin& bin : pool.bins()) {
          in_blocks += bin.live * bin.block_bytes;
          whole = whole && bin.waste <= bin.bytes && (bin.bytes - bin.waste) % bin.block_bytes == 0 &&
                  bin.live + bin.cached <= (bin.bytes - bin.waste) / bin.block_bytes &&
                  (bin.slabs != 0) == (bin.bytes != 0);
        }
        BOOST_TEST(whole);
        BOOST_TEST(sum_of(pool, &pool_bin::live) == live);
        BOOST_TEST(in_blocks == live_bytes);
        BOOST_TEST(pool.usage().used == live_bytes + large_bytes);
        BOOST_TEST(sum_of(pool, &pool_bin::bytes) <= upstream.live_bytes());
        if (!test::plain()) BOOST_TEST(sum_of(pool, &pool_bin::cached) == 0u);
      };
      adds_up();
      test::give_all_at_random(pool, blocks);
      adds_up();
      blocks = test::take_mixed(pool, 500, 100, 2);
      adds_up();
      test::give_all(pool, blocks);
      (void)pool.trim();
      adds_up();
      BOOST_TEST(sum_of(pool, &pool_bin::slabs) == 0u);
      BOOST_TEST(sum_of(pool, &pool_bin::bytes) == 0u);
      BOOST_TEST(sum_of(pool, &pool_bin::cached) == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(magazines_hold_no_more_than_the_options_say) {
  if (!test::plain()) return test::skip("there are no magazines under a memory tool");
  for (const std::size_t most : {std::size_t{1}, std::size_t{10}, std::size_t{128}}) {
    for (const std::size_t bytes : {std::size_t{64}, std::size_t{1000}, std::size_t{20'000}}) {
      pool_options options;
      options.magazine_blocks = most;
      pool_resource pool(options);
      std::vector<held_block> blocks = test::take_many(pool, 500, bytes);
      test::give_all(pool, blocks);
      const auto bin = pool.bins() | views::filter([](const pool_bin& each) { return each.cached != 0; }) |
                       ranges::to<std::vector>();
      BOOST_REQUIRE(bin.size() == 1u);
      const std::size_t by_bytes = std::max<std::size_t>((std::size_t{16} << 10) / bin[0].block_bytes, 8);
      BOOST_TEST(bin[0].cached <= 2 * std::min(most, by_bytes));
      BOOST_TEST(bin[0].cached > std::min(most, by_bytes) / 2);
      BOOST_TEST(bin[0].live == 0u);
      BOOST_TEST(bin[0].slabs >= 1u);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_placement_costs_is_seen_as_waste) {
  pool_options options;
  std::array<std::size_t, 2> wastes{};
  for (const bool page_local : {false, true}) {
    options.page_local = page_local;
    pool_resource pool(options);
    std::vector<held_block> blocks = test::take_many(pool, 2000, 1500);
    wastes[page_local ? 1 : 0] = sum_of(pool, &pool_bin::waste);
    BOOST_TEST(pool.usage().wasted >= wastes[page_local ? 1 : 0]);
    test::give_all(pool, blocks);
  }
  BOOST_TEST(wastes[1] > wastes[0]);
}

BOOST_AUTO_TEST_SUITE_END()
