// Which block serves which request, and where it lies.

#include <allot/core/checked_size.hpp>
#include <allot/testing/counting_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "pool/pools.hpp"
#include "support/access.hpp"
#include "support/barely_aligned_resource.hpp"
#include "support/bytes.hpp"

using namespace allot;
using test::held_block;
using test::named_options;
using testing::counting_resource;

namespace {

constexpr std::size_t largest_pooled = std::size_t{32} << 10;

/// The block sizes, which are there once something was allocated.
std::vector<std::size_t> block_sizes(pool_resource& pool) {
  pool.deallocate(pool.allocate(1, 1), 1, 1);
  std::vector<std::size_t> sizes;
  for (const pool_bin& bin : pool.bins()) sizes.push_back(bin.block_bytes);
  return sizes;
}

std::vector<std::size_t> block_sizes(const pool_options& options) {
  pool_resource pool(options);
  return block_sizes(pool);
}

/// The size of the smallest block that holds the request at that alignment anywhere in a slab; 0 where there is none.
std::size_t smallest_for(const std::vector<std::size_t>& sizes, std::size_t bytes, std::size_t alignment) {
  const std::size_t needed = align_up(std::max<std::size_t>(bytes, 1), alignment);
  for (const std::size_t size : sizes)
    if (size >= needed && size % alignment == 0) return size;
  return 0;
}

/// Sizes around each edge, and some between.
std::vector<std::size_t> telling_sizes(const std::vector<std::size_t>& edges) {
  std::vector<std::size_t> sizes{0, 1, 2, 3, 7, 8, 9};
  for (const std::size_t edge : edges) {
    sizes.push_back(edge - 1);
    sizes.push_back(edge);
    sizes.push_back(edge + 1);
    sizes.push_back(edge + edge / 3);
  }
  return sizes;
}

template <class... Sizes>
std::vector<std::size_t> sizes_of(Sizes... sizes) {
  return {static_cast<std::size_t>(sizes)...};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pool_sizes)

BOOST_AUTO_TEST_CASE(the_spacings_have_the_sizes_they_are_named_for) {
  pool_options options;
  std::vector<std::size_t> four;
  for (std::size_t bytes = 16; bytes <= 128; bytes += 8) four.push_back(bytes);
  for (std::size_t base = 128; base < largest_pooled; base *= 2)
    for (std::size_t i = 1; i <= 4; ++i) four.push_back(base + base / 4 * i);
  BOOST_TEST(four.size() == 47u);
  BOOST_TEST(block_sizes(options) == four, boost::test_tools::per_element());

  options.spacing = size_spacing::eight_per_doubling;
  std::vector<std::size_t> eight;
  for (std::size_t bytes = 16; bytes <= 256; bytes += 8) eight.push_back(bytes);
  for (std::size_t base = 256; base < largest_pooled; base *= 2)
    for (std::size_t i = 1; i <= 8; ++i) eight.push_back(base + base / 8 * i);
  BOOST_TEST(block_sizes(options) == eight, boost::test_tools::per_element());

  options.spacing = size_spacing::power_of_two;
  std::vector<std::size_t> two;
  for (std::size_t bytes = 16; bytes <= largest_pooled; bytes *= 2) two.push_back(bytes);
  BOOST_TEST(block_sizes(options) == two, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(geometric_sizes_grow_by_the_factor_up_to_the_largest) {
  for (const double growth : {1.05, 1.25, 2.0, 4.0}) {
    pool_options options;
    options.spacing = size_spacing::geometric;
    options.growth = growth;
    const std::vector<std::size_t> sizes = block_sizes(options);
    BOOST_TEST_CONTEXT(growth) {
      BOOST_TEST(sizes.front() == 16u);
      BOOST_TEST(sizes.back() == largest_pooled);
      for (std::size_t i = 1; i + 1 < sizes.size(); ++i) {
        BOOST_TEST(sizes[i] % 8 == 0u);
        BOOST_TEST(sizes[i] >= sizes[i - 1] + 8);
        // Sizes are rounded up to 8, so a step is at most 8 more than the factor says, from a size that was rounded.
        BOOST_TEST(static_cast<double>(sizes[i]) <=
                   std::max(static_cast<double>(sizes[i - 1]) * growth + 8, static_cast<double>(sizes[i - 1]) + 8));
        BOOST_TEST(static_cast<double>(sizes[i]) >= (static_cast<double>(sizes[i - 1]) - 8) * growth);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_growth_out_of_range_is_brought_into_it) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [given, used] : {std::pair{nan, 1.05}, {-1.0, 1.05}, {1.0, 1.05}, {100.0, 4.0}}) {
    pool_options options;
    options.spacing = size_spacing::geometric;
    options.growth = used;
    const std::vector<std::size_t> sizes = block_sizes(options);
    options.growth = given;
    BOOST_TEST(block_sizes(options) == sizes, boost::test_tools::per_element());
    BOOST_TEST(pool_resource(options).options().growth == used);
  }
}

BOOST_AUTO_TEST_CASE(an_exact_list_is_taken_in_any_order_and_brought_into_range) {
  pool_options options;
  options.spacing = size_spacing::exact;
  const std::vector<std::size_t> list{1000, 24, 3, 24, 99, std::numeric_limits<std::size_t>::max(), 0, 4096, 17};
  options.sizes = list.data();
  options.size_count = list.size();
  BOOST_TEST(block_sizes(options) == sizes_of(16, 24, 104, 1000, 4096, largest_pooled),
             boost::test_tools::per_element());

  std::vector<std::size_t> many(200);
  std::iota(many.begin(), many.end(), std::size_t{1});
  for (std::size_t& each : many) each *= 16;
  options.sizes = many.data();
  options.size_count = many.size();
  BOOST_TEST(block_sizes(options).size() == 96u);
  BOOST_TEST(pool_resource(options).options().size_count == 96u);

  options.size_count = 0;
  BOOST_TEST(!block_sizes(options).empty());
  options.sizes = nullptr;
  options.size_count = 5;
  BOOST_TEST(!block_sizes(options).empty());
  BOOST_TEST(pool_resource(options).options().size_count == 0u);
}

BOOST_AUTO_TEST_CASE(an_exact_list_is_read_when_the_pool_is_made) {
  std::vector<std::size_t> list{48, 480};
  pool_options options;
  options.spacing = size_spacing::exact;
  options.sizes = list.data();
  options.size_count = list.size();
  pool_resource pool(options);
  list = {32, 320};
  BOOST_TEST(block_sizes(pool) == sizes_of(48, 480), boost::test_tools::per_element());
  pool.release();
  BOOST_TEST(block_sizes(pool) == sizes_of(48, 480), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(requests_above_the_largest_size_of_a_list_go_to_the_upstream) {
  const std::vector<std::size_t> list{48, 480};
  pool_options options;
  options.spacing = size_spacing::exact;
  options.sizes = list.data();
  options.size_count = list.size();
  counting_resource upstream;
  pool_resource pool(options, &upstream);
  const held_block pooled = test::take(pool, test::plain() ? 480 : 400);
  const held_block large = test::take(pool, 481);
  BOOST_TEST(!pool.find_block(pooled.p).exact);
  BOOST_TEST(pool.find_block(large.p).exact);
  BOOST_TEST(pool.find_block(large.p).bytes == 481u);
  BOOST_TEST(upstream.owns(large.p));
  test::give(pool, large);
  test::give(pool, pooled);
}

BOOST_AUTO_TEST_CASE(every_size_and_alignment_is_served_aligned_apart_and_by_the_smallest_block_that_holds_it) {
  for (const named_options& each : test::every_spacing_and_placement()) {
    BOOST_TEST_CONTEXT(each.name) {
      const std::vector<std::size_t> sizes = block_sizes(each.options);
      pool_resource pool(each.options);
      std::vector<held_block> blocks;
      std::vector<std::pair<std::uintptr_t, std::uintptr_t>> ranges;
      std::size_t misaligned = 0;
      std::size_t too_small = 0;
      std::size_t not_the_smallest = 0;
      for (std::size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        for (const std::size_t bytes : telling_sizes(sizes)) {
          for (int i = 0; i < 3; ++i) {
            blocks.push_back(test::take(pool, bytes, alignment));
            void* const p = blocks.back().p;
            if (!is_aligned(p, alignment)) ++misaligned;
            const block_info found = pool.find_block(p);
            if (found.begin != p || found.bytes < bytes || found.state != block_state::used) ++too_small;
            if (test::plain() && !found.exact && found.bytes != smallest_for(sizes, bytes, alignment))
              ++not_the_smallest;
            if (test::plain() && found.exact && smallest_for(sizes, bytes, alignment) != 0) ++not_the_smallest;
            ranges.emplace_back(test::number_of(p), test::number_of(p) + found.bytes - 1);
            test::fill(p, bytes, static_cast<unsigned>(blocks.size()));
          }
        }
      }
      BOOST_TEST(misaligned == 0u);
      BOOST_TEST(too_small == 0u);
      BOOST_TEST(not_the_smallest == 0u);
      BOOST_TEST(!test::overlap(ranges));
      BOOST_TEST(pool.check());
      std::size_t spoilt = 0;
      for (std::size_t i = 0; i < blocks.size(); ++i)
        if (!test::all_are(blocks[i].p, blocks[i].bytes, static_cast<unsigned>(i + 1))) ++spoilt;
      BOOST_TEST(spoilt == 0u);
      test::give_all_at_random(pool, blocks);
      BOOST_TEST(pool.usage().used == 0u);
      BOOST_TEST(pool.check());
    }
  }
}

BOOST_AUTO_TEST_CASE(what_the_standards_pool_of_gcc_12_misaligns_is_aligned_here) {
  // GCC bug 118681: sizes that are no multiple of the alignment.
  pool_resource pool;
  for (const auto& [bytes, alignment] :
       {std::pair<std::size_t, std::size_t>{24, 16}, {40, 32}, {48, 32}, {72, 32}, {72, 64}, {8, 4096}, {136, 128}}) {
    std::vector<held_block> blocks = test::take_many(pool, 300, bytes, alignment);
    std::size_t misaligned = 0;
    for (const held_block& each : blocks)
      if (!is_aligned(each.p, alignment)) ++misaligned;
    BOOST_TEST(misaligned == 0u, bytes << " bytes at " << alignment);
    test::give_all(pool, blocks);
  }
}

BOOST_AUTO_TEST_CASE(alignment_holds_whatever_the_upstreams_addresses_are) {
  for (const named_options& each : test::every_spacing_and_placement()) {
    test::barely_aligned_resource odd;
    pool_resource pool(each.options, &odd);
    std::size_t misaligned = 0;
    std::vector<held_block> blocks;
    for (std::size_t alignment = 1; alignment <= 65536; alignment *= 2) {
      for (const std::size_t bytes : {1U, 24U, 100U, 1000U, 5000U, 32768U, 40000U}) {
        blocks.push_back(test::take(pool, bytes, alignment));
        if (!is_aligned(blocks.back().p, alignment)) ++misaligned;
      }
    }
    BOOST_TEST(misaligned == 0u, each.name);
    test::give_all(pool, blocks);
  }
}

BOOST_AUTO_TEST_CASE(page_local_blocks_never_straddle_a_page) {
  const std::size_t page = test::system_page_size();
  for (named_options each : test::every_spacing()) {
    for (const bool lines : {false, true}) {
      each.options.page_local = true;
      each.options.cache_line_blocks = lines;
      test::barely_aligned_resource odd;
      pool_resource pool(each.options, &odd);
      std::size_t straddling = 0;
      std::vector<held_block> blocks;
      for (std::size_t bytes = 1; bytes <= page; bytes += bytes < 300 ? 7 : page / 64 - 3) {
        for (int i = 0; i < 40; ++i) {
          blocks.push_back(test::take(pool, bytes, std::size_t{1} << i % 7));
          const block_info found = pool.find_block(blocks.back().p);
          const std::uintptr_t begin = test::number_of(found.begin);
          if (!found.exact && found.bytes <= page && begin / page != (begin + found.bytes - 1) / page) ++straddling;
        }
      }
      BOOST_TEST(straddling == 0u, each.name << (lines ? ", lines" : ""));
      BOOST_TEST(pool.check());
      test::give_all(pool, blocks);
    }
  }
}

BOOST_AUTO_TEST_CASE(without_page_locality_some_blocks_straddle_pages) {
  // So the case above sees something.
  const std::size_t page = test::system_page_size();
  pool_resource pool;
  std::size_t straddling = 0;
  std::vector<held_block> blocks = test::take_many(pool, 1000, 200);
  for (const held_block& each : blocks)
    if (test::number_of(each.p) / page != (test::number_of(each.p) + 199) / page) ++straddling;
  BOOST_TEST(straddling > 0u);
  test::give_all(pool, blocks);
}

BOOST_AUTO_TEST_CASE(cache_line_blocks_never_share_a_line) {
  constexpr std::size_t line = 64;
  for (named_options each : test::every_spacing()) {
    for (const bool pages : {false, true}) {
      each.options.cache_line_blocks = true;
      each.options.page_local = pages;
      test::barely_aligned_resource odd;
      pool_resource pool(each.options, &odd);
      std::vector<held_block> blocks;
      std::vector<std::pair<std::uintptr_t, std::uintptr_t>> lines_of_large_ones;
      std::vector<std::uintptr_t> lines_of_small_ones;
      for (std::size_t bytes = 1; bytes <= 6000; bytes += bytes < 300 ? 5 : 97) {
        for (int i = 0; i < 10; ++i) {
          blocks.push_back(test::take(pool, bytes, std::size_t{1} << i % 5));
          const block_info found = pool.find_block(blocks.back().p);
          if (found.exact) continue;  // the upstream's affair
          const std::uintptr_t begin = test::number_of(found.begin);
          if (found.bytes >= 64)
            lines_of_large_ones.emplace_back(begin / line, (begin + found.bytes - 1) / line);
          else
            for (std::uintptr_t at = begin / line; at <= (begin + found.bytes - 1) / line; ++at)
              lines_of_small_ones.push_back(at);
        }
      }
      BOOST_TEST(!test::overlap(lines_of_large_ones), each.name << (pages ? ", pages" : ""));
      std::sort(lines_of_small_ones.begin(), lines_of_small_ones.end());
      lines_of_small_ones.erase(std::unique(lines_of_small_ones.begin(), lines_of_small_ones.end()),
                                lines_of_small_ones.end());
      for (const std::uintptr_t at : lines_of_small_ones) lines_of_large_ones.emplace_back(at, at);
      BOOST_TEST(!test::overlap(lines_of_large_ones), "small beside large: " << each.name);
      BOOST_TEST(pool.check());
      test::give_all(pool, blocks);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_largest_pooled_size_is_that_of_the_options_and_no_more) {
  for (const std::size_t largest : {std::size_t{1}, std::size_t{100}, std::size_t{4096}, std::size_t{32768}}) {
    if (!test::plain() && largest < 4096) continue;
    counting_resource upstream;
    pool_resource pool({0, largest}, &upstream);
    const std::size_t fits = test::plain() ? largest : largest - memory_tools::redzone;
    const held_block pooled = test::take(pool, fits, 1);
    BOOST_TEST(!pool.find_block(pooled.p).exact);
    const std::size_t in_force = pool.options().largest_required_pool_block;
    BOOST_TEST(in_force == (largest == 1 ? 16 : largest == 100 ? 104 : largest));  // the first size that holds it
    const held_block large = test::take(pool, in_force + 1, 1);
    BOOST_TEST(pool.find_block(large.p).exact);
    test::give(pool, large);
    test::give(pool, pooled);
    BOOST_TEST(pool.bins().size() > 0u);
    BOOST_TEST(pool.bins()[pool.bins().size() - 1].block_bytes == in_force);
  }
  // Beyond what can be pooled, the most that can.
  BOOST_TEST(pool_resource(std::pmr::pool_options{0, 1'000'000}).options().largest_required_pool_block ==
             largest_pooled);
  BOOST_TEST(pool_resource().options().largest_required_pool_block == largest_pooled);
}

BOOST_AUTO_TEST_SUITE_END()
