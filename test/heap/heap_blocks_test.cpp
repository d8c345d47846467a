// Looking into a heap.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <random>
#include <range/v3/algorithm/count_if.hpp>
#include <range/v3/algorithm/equal.hpp>
#include <range/v3/numeric/accumulate.hpp>
#include <range/v3/range/concepts.hpp>
#include <range/v3/view/filter.hpp>
#include <range/v3/view/reverse.hpp>
#include <range/v3/view/transform.hpp>
#include <type_traits>
#include <vector>

#include "heap/heaps.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using test::ground;
using test::grounded_heap;
using test::held_block;

static_assert(ranges::bidirectional_range<heap_blocks>);
static_assert(ranges::common_range<heap_blocks>);
static_assert(ranges::view_<heap_blocks>);
static_assert(std::is_same_v<std::iterator_traits<heap_blocks::iterator>::value_type, heap_block>);

namespace {

heap_options with_small_ranges(bool checked = false) {
  heap_options options;
  options.first_chunk = options.largest_chunk = std::size_t{16} << 10;
  options.reserve = std::size_t{64} << 10;
  options.checked = checked;
  return options;
}

/// A heap of several ranges where about half of what was taken is free.
class aged_heap {
 public:
  explicit aged_heap(ground where, bool checked = false) : heap_(where, with_small_ranges(checked)) {
    std::mt19937 random(5);
    for (std::size_t i = 0; i < 1200; ++i) {
      const held_block taken =
          test::take(*heap_, i % 50 == 0 ? random() % 9000 : random() % 500, std::size_t{1} << random() % 7);
      (random() % 2 == 0 ? live_ : gone_).push_back(taken);
    }
    for (const held_block& each : gone_) test::give(*heap_, each);
  }
  coalescing_heap& operator*() { return *heap_; }
  coalescing_heap* operator->() { return &*heap_; }
  const std::vector<held_block>& live() const { return live_; }

 private:
  grounded_heap heap_;
  std::vector<held_block> live_;
  std::vector<held_block> gone_;
};

std::size_t bytes_of(const heap_block& block) { return block.bytes; }
bool is_free(const heap_block& block) { return !block.used; }

}  // namespace

BOOST_AUTO_TEST_SUITE(heap_block_views)

BOOST_AUTO_TEST_CASE(no_view_has_no_blocks) {
  BOOST_TEST(heap_blocks().empty());
  const coalescing_heap unused;
  BOOST_TEST(unused.blocks().empty());
  BOOST_TEST((unused.blocks().begin() == unused.blocks().end()));
  BOOST_TEST((heap_blocks::iterator() == heap_blocks::iterator()));
}

BOOST_AUTO_TEST_CASE(the_used_blocks_are_those_that_are_live) {
  for (const ground where : test::every_ground) {
    for (const bool checked : {false, true}) {
      aged_heap heap(where, checked);
      BOOST_TEST(test::holds_just(*heap, heap.live(), checked));
      BOOST_TEST(heap->check());
    }
  }
}

BOOST_AUTO_TEST_CASE(blocks_go_backwards_as_they_go_forwards) {
  for (const ground where : test::every_ground) {
    aged_heap heap(where);
    std::vector<heap_block> backwards;
    const heap_blocks blocks = heap->blocks();
    for (auto at = blocks.end(); at != blocks.begin();) backwards.push_back(*--at);
    std::reverse(backwards.begin(), backwards.end());
    BOOST_TEST((backwards == test::blocks_of(*heap)));
    auto at = blocks.begin();
    const heap_block first = *at++;
    const heap_block second = *at--;
    BOOST_TEST((first == *at));
    BOOST_TEST((first != second));
    BOOST_TEST((*++at == second));
    BOOST_TEST((at != blocks.begin()));
  }
}

BOOST_AUTO_TEST_CASE(blocks_are_in_the_order_of_addresses) {
  for (const ground where : test::every_ground) {
    aged_heap heap(where);
    const std::vector<heap_block> blocks = test::blocks_of(*heap);
    std::size_t gaps = 0;
    for (std::size_t i = 1; i < blocks.size(); ++i) {
      const std::byte* const end = blocks[i - 1].address + blocks[i - 1].bytes;
      BOOST_TEST_REQUIRE(end <= blocks[i].address);
      if (end != blocks[i].address) ++gaps;
      if (end == blocks[i].address && where != ground::pages) BOOST_TEST((blocks[i - 1].used || blocks[i].used));
    }
    BOOST_TEST((gaps > 0) == (where != ground::buffer));
  }
}

BOOST_AUTO_TEST_CASE(views_work_on_blocks) {
  for (const ground where : test::every_ground) {
    aged_heap heap(where);
    auto free = heap->blocks() | ranges::views::filter(is_free);
    auto used = heap->blocks() | ranges::views::filter([](const heap_block& each) { return each.used; });
    const std::size_t free_bytes = ranges::accumulate(free | ranges::views::transform(bytes_of), std::size_t{0});
    const std::size_t used_bytes = ranges::accumulate(used | ranges::views::transform(bytes_of), std::size_t{0});
    BOOST_TEST(used_bytes == heap->usage().used);
    BOOST_TEST(free_bytes == heap->statistics().free_bytes);
    std::vector<heap_block> forwards = test::blocks_of(*heap);
    std::reverse(forwards.begin(), forwards.end());
    BOOST_TEST(ranges::equal(heap->blocks() | ranges::views::reverse, forwards));
    std::size_t last_free = 0;
    for (const std::size_t bytes : heap->blocks() | ranges::views::reverse | ranges::views::filter(is_free) |
                                       ranges::views::transform(bytes_of)) {
      last_free = bytes;
      break;
    }
    const auto expected = std::find_if(forwards.begin(), forwards.end(), is_free);
    BOOST_TEST(last_free == expected->bytes);
    BOOST_TEST(ranges::count_if(heap->blocks(), [](const heap_block& each) { return each.used; }) ==
               static_cast<std::ptrdiff_t>(heap.live().size()));
  }
}

BOOST_AUTO_TEST_CASE(statistics_sum_blocks_up) {
  for (const ground where : test::every_ground) {
    for (const bool checked : {false, true}) {
      aged_heap heap(where, checked);
      heap_statistics expected;
      for (const heap_block& each : heap->blocks()) {
        ++(each.used ? expected.live_blocks : expected.free_blocks);
        (each.used ? expected.live_bytes : expected.free_bytes) += each.bytes;
        if (!each.used) expected.largest_free = std::max(expected.largest_free, each.bytes);
      }
      const heap_statistics now = heap->statistics();
      BOOST_TEST(now.live_blocks == heap.live().size());
      BOOST_TEST(now.live_blocks == expected.live_blocks);
      BOOST_TEST(now.live_bytes == expected.live_bytes);
      BOOST_TEST(now.live_bytes == heap->usage().used);
      BOOST_TEST(now.free_blocks == expected.free_blocks);
      BOOST_TEST(now.free_bytes == expected.free_bytes);
      BOOST_TEST(now.largest_free == expected.largest_free);
      BOOST_TEST(now.metadata == heap->usage().wasted);
      const double part = 1.0 - static_cast<double>(now.largest_free) / static_cast<double>(now.free_bytes);
      BOOST_TEST(now.fragmentation == part);
      BOOST_TEST(now.fragmentation > 0.01);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_unused_heap_has_statistics_of_nothing) {
  const coalescing_heap heap;
  const heap_statistics now = heap.statistics();
  BOOST_TEST(now.live_blocks + now.live_bytes + now.free_blocks + now.free_bytes + now.largest_free + now.metadata ==
             0u);
  BOOST_TEST(now.fragmentation == 0.0);
  BOOST_TEST((heap.usage() == memory_usage{}));
  BOOST_TEST(heap.available() == 0u);
  for (std::size_t i = 0; i < coalescing_heap::bin_count(); ++i) BOOST_TEST(heap.bin(i).blocks == 0u);
}

BOOST_AUTO_TEST_CASE(bins_tell_how_free_blocks_are_kept) {
  for (const ground where : test::every_ground) {
    aged_heap heap(where);
    std::size_t blocks = 0;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < coalescing_heap::bin_count(); ++i) {
      const heap_bin bin = heap->bin(i);
      BOOST_TEST(bin.bytes >= bin.blocks * bin.least_bytes);
      if (i + 1 < coalescing_heap::bin_count()) {
        const std::size_t next = heap->bin(i + 1).least_bytes;
        BOOST_TEST((next > bin.least_bytes || i == 0));
        if (bin.blocks != 0) BOOST_TEST(bin.bytes <= bin.blocks * (next - 16));
        std::size_t expected = 0;
        for (const heap_block& each : heap->blocks())
          if (!each.used && each.bytes >= bin.least_bytes && each.bytes < next) ++expected;
        if (i != 0) BOOST_TEST((bin.blocks == expected || bin.blocks + 1 == expected));  // the end is in none
      }
      blocks += bin.blocks;
      bytes += bin.bytes;
    }
    const heap_statistics now = heap->statistics();
    BOOST_TEST((blocks == now.free_blocks || blocks + 1 == now.free_blocks));
    BOOST_TEST(bytes <= now.free_bytes);
    BOOST_TEST(heap->bin(1).least_bytes == 16u);
    BOOST_TEST(heap->bin(coalescing_heap::bin_count() - 1).least_bytes == free_index::tree_size * 16);
  }
}

BOOST_AUTO_TEST_CASE(large_free_blocks_are_in_the_last_bin) {
  coalescing_heap heap;
  const std::size_t bytes = test::request_for(free_index::tree_size * 16);
  const std::vector<held_block> blocks = test::take_many(heap, 6, bytes);
  test::give(heap, blocks[1]);
  test::give(heap, blocks[3]);
  const heap_bin last = heap.bin(coalescing_heap::bin_count() - 1);
  BOOST_TEST(last.blocks == 2u);
  BOOST_TEST(last.bytes == 2 * test::block_bytes(bytes));
}

BOOST_AUTO_TEST_CASE(every_address_of_a_block_finds_it) {
  for (const ground where : test::every_ground) {
    aged_heap heap(where);
    bool good = true;
    const void* end = nullptr;
    for (const heap_block& each : heap->blocks()) {
      for (std::size_t at = 0; at < each.bytes; at += each.bytes < 100 ? 1 : each.bytes / 7) {
        const block_info found = heap->find_block(each.address + at);
        good = good && found.begin == each.address && found.bytes == each.bytes && !found.exact &&
               found.state == (each.used ? block_state::used : block_state::free) && heap->owns(each.address + at);
      }
      good = good && heap->find_block(each.address + each.bytes - 1).begin == each.address;
      end = each.address + each.bytes;
    }
    BOOST_TEST(good);
    BOOST_TEST(!heap->owns(end));
    const int local = 0;
    for (const void* const foreign : {static_cast<const void*>(nullptr), static_cast<const void*>(&local), end}) {
      BOOST_TEST(!heap->owns(foreign));
      BOOST_TEST((heap->find_block(foreign).state == block_state::unknown));
      BOOST_TEST(heap->find_block(foreign).begin == nullptr);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_visitor_sees_what_a_view_has) {
  for (const ground where : test::every_ground) {
    aged_heap heap(where);
    std::vector<heap_block> seen;
    heap->for_each_block([&](const block_info& each) {
      BOOST_TEST(!each.exact);
      seen.push_back(
          {static_cast<std::byte*>(const_cast<void*>(each.begin)), each.bytes, each.state == block_state::used});
    });
    BOOST_TEST((seen == test::blocks_of(*heap)));
  }
}

BOOST_AUTO_TEST_CASE(usage_adds_up) {
  for (const ground where : test::every_ground) {
    aged_heap heap(where);
    const memory_usage now = heap->usage();
    const heap_statistics parts = heap->statistics();
    BOOST_TEST(now.used == parts.live_bytes);
    BOOST_TEST(now.peak > now.used);
    BOOST_TEST(now.committed <= now.reserved);
    BOOST_TEST(now.wasted + parts.live_bytes + parts.free_bytes <= now.committed);
    BOOST_TEST(heap->available() >= parts.free_bytes);
    if (where == ground::upstream) {
      BOOST_TEST(now.committed == now.reserved);
      BOOST_TEST(now.wasted + now.used + heap->available() == now.committed);
    }
  }
}

BOOST_AUTO_TEST_CASE(check_finds_every_start_that_is_lost_or_made_up_in_a_free_block) {
  if (!test::plain()) return;  // the nodes of free blocks lie elsewhere then
  std::vector<std::byte> memory(32'000);
  coalescing_heap heap(memory.data(), memory.size());
  std::vector<held_block> blocks = test::take_mixed(heap, 60, 600);
  while (void* const p = heap.try_allocate(16)) blocks.push_back({p, 16});
  for (std::size_t i = 0; i < blocks.size(); i += 3) test::give(heap, blocks[i]);
  // The table ends where the first block starts.
  std::byte* const first = (*heap.blocks().begin()).address;
  const std::vector<heap_block> all = test::blocks_of(heap);
  const auto granules = static_cast<std::size_t>(all.back().address + all.back().bytes - first) / 16;
  auto* const table = reinterpret_cast<granule_table::word_pair*>(first) - granule_table::pairs_for(granules) + 1;
  std::size_t unnoticed = 0;
  for (const heap_block& each : all) {
    const auto begin = static_cast<std::size_t>(each.address - first) / 16;
    for (std::size_t at = begin; !each.used && at <= begin + each.bytes / 16; ++at) {
      table[at / 64].starts ^= std::uint64_t{1} << at % 64;
      if (heap.check()) ++unnoticed;
      table[at / 64].starts ^= std::uint64_t{1} << at % 64;
    }
  }
  BOOST_TEST(unnoticed == 0u);
  for (const heap_block& each : all) {
    const auto at = static_cast<std::size_t>(each.address - first) / 16;
    table[at / 64].used ^= std::uint64_t{1} << at % 64;
    if (heap.check()) ++unnoticed;
    table[at / 64].used ^= std::uint64_t{1} << at % 64;
  }
  BOOST_TEST(unnoticed == 0u);
  BOOST_TEST(heap.check());
}

BOOST_AUTO_TEST_CASE(a_heap_says_what_it_is) {
  testing::counting_resource upstream;
  const coalescing_heap on_pages;
  const coalescing_heap on_upstream(test::heap_named("of chunks"), &upstream);
  BOOST_TEST(on_pages.kind() == "coalescing_heap");
  BOOST_TEST(on_pages.name() == "coalescing_heap");
  BOOST_TEST(on_pages.upstream() == nullptr);
  BOOST_TEST(on_pages.options().name.empty());
  BOOST_TEST(on_upstream.name() == "of chunks");
  BOOST_TEST(on_upstream.options().name == "of chunks");
  BOOST_TEST(on_upstream.upstream() == &upstream);
  BOOST_TEST(on_upstream.root() == &on_upstream);
  BOOST_TEST(!on_upstream.is_equal(on_pages));
  BOOST_TEST(upstream.allocations() == 0u);
  static_assert(std::is_nothrow_constructible_v<coalescing_heap, const heap_options&, std::pmr::memory_resource*>);
  static_assert(std::is_nothrow_default_constructible_v<coalescing_heap>);
  static_assert(!std::is_copy_constructible_v<coalescing_heap>);
  BOOST_TEST(sizeof(coalescing_heap) <= 10'000u);
}

BOOST_AUTO_TEST_SUITE_END()
