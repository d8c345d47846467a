// Where blocks lie: alignments, pages, and growing and shrinking in place.

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <random>
#include <vector>

#include "heap/heaps.hpp"
#include "support/access.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/misuse_watch.hpp"
#include "support/with_code.hpp"

using namespace allot;
using test::ground;
using test::grounded_heap;
using test::held_block;
using test::misuse_watch;
using test::number_of;
using test::state_of;

namespace {

bool in_one_page(const void* p, std::size_t bytes, std::size_t page) {
  return number_of(p) / page == (number_of(p) + bytes - 1) / page;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(heap_placement)

// ---- alignments

BOOST_AUTO_TEST_CASE(any_alignment_is_met_and_what_lies_before_stays_free) {
  for (const ground where : test::every_ground) {
    for (std::size_t alignment = 1; alignment <= (std::size_t{256} << 10); alignment *= 2) {
      grounded_heap heap(where);
      std::vector<held_block> blocks;
      for (const std::size_t bytes : {std::size_t{1}, std::size_t{16}, std::size_t{100}, std::size_t{5000}}) {
        blocks.push_back(test::take(*heap, bytes, alignment));
        BOOST_TEST(number_of(blocks.back().p) % alignment == 0u);
        BOOST_TEST(number_of(blocks.back().p) % 16 == 0u);
      }
      BOOST_TEST(test::holds_just(*heap, blocks));
      BOOST_TEST(heap->check());
      test::give_all(*heap, blocks);
      BOOST_TEST(heap->usage().used == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_aligned_block_in_a_free_one_loses_nothing) {
  grounded_heap heap(ground::buffer);
  const held_block whole = test::take(*heap, 100'000);
  (void)test::take(*heap, 16);
  test::give(*heap, whole);
  const std::size_t before = heap->available();
  const held_block aligned = test::take(*heap, 64, 4096);
  BOOST_TEST((aligned.p >= whole.p && number_of(aligned.p) < number_of(whole.p) + 100'000));
  BOOST_TEST(heap->available() == before - test::block_bytes(64));
  // Both ends are free blocks that serve.
  if (aligned.p != whole.p) BOOST_TEST((heap->find_block(whole.p).state == block_state::free));
  test::give(*heap, aligned);
  BOOST_TEST(heap->allocate(100'000) == whole.p);
}

BOOST_AUTO_TEST_CASE(a_free_block_that_is_just_right_is_found_for_an_alignment) {
  grounded_heap heap(ground::buffer);
  const std::size_t bytes = test::request_for(1024);
  const held_block aligned = test::take(*heap, bytes, 4096);
  (void)test::take(*heap, 16);
  test::give(*heap, aligned);
  BOOST_TEST(heap->allocate(bytes, 4096) == aligned.p);  // it is no larger, but lies well
  BOOST_TEST(heap->check());
}

BOOST_AUTO_TEST_CASE(alignments_as_large_as_can_be_are_refused_with_any_size) {
  for (const ground where : test::every_ground) {
    grounded_heap heap(where);
    const test::heap_state before = state_of(*heap);
    for (std::size_t alignment = std::size_t{1} << (sizeof(void*) > 4 ? 50 : 31); alignment != 0; alignment *= 2) {
      for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, test::beyond_addresses, max_object_bytes / 2,
                                      max_object_bytes - 100, max_object_bytes, static_cast<std::size_t>(-1)}) {
        BOOST_CHECK_THROW((void)heap->allocate(bytes, alignment), std::bad_alloc);
        BOOST_TEST(heap->try_allocate(bytes, alignment) == nullptr);
      }
    }
    for (const std::size_t bytes : {max_object_bytes - 100, max_object_bytes, static_cast<std::size_t>(-1)})
      BOOST_CHECK_EXCEPTION((void)heap->allocate(bytes, test::beyond_addresses), allocation_error,
                            test::with_code(memory_errc::size_overflow));
    BOOST_TEST((state_of(*heap) == before));
    BOOST_TEST(heap->check());
  }
}

// ---- pages

BOOST_AUTO_TEST_CASE(page_local_blocks_never_lie_in_two_pages) {
  if (test::system_page_size() > 16384) return test::skip("the heap is too small for such pages");
  for (const ground where : test::every_ground) {
    for (const std::size_t pages : {std::size_t{1}, std::size_t{4}}) {
      heap_options options;
      options.page_local = true;
      options.page_size = pages * test::system_page_size();
      grounded_heap heap(where, options);
      const std::size_t page = heap->options().page_size;
      BOOST_TEST(page == pages * test::system_page_size());
      std::mt19937 random(6);
      std::vector<held_block> blocks;
      std::size_t crossing = 0;
      for (int step = 0; step < 4000; ++step) {
        if (random() % 5 < 2 && !blocks.empty()) {
          std::swap(blocks[random() % blocks.size()], blocks.back());
          test::give(*heap, blocks.back());
          blocks.pop_back();
          continue;
        }
        const std::size_t bytes = random() % 20 == 0 ? random() % (2 * page) : random() % (page / 8);
        blocks.push_back(test::take(*heap, bytes, std::size_t{1} << random() % 8));
        const std::size_t block = test::block_bytes(bytes);
        if (block <= page && !in_one_page(blocks.back().p, block, page)) ++crossing;
      }
      BOOST_TEST(crossing == 0u);
      BOOST_TEST(heap->check());
      BOOST_TEST(test::holds_just(*heap, blocks));
      test::give_all_at_random(*heap, blocks);
    }
  }
}

BOOST_AUTO_TEST_CASE(without_page_locality_blocks_lie_in_two_pages) {
  grounded_heap heap(ground::buffer);
  bool crossed = false;
  for (const held_block& each : test::take_many(*heap, 100, 1000))
    crossed = crossed || !in_one_page(each.p, 1000, test::system_page_size());
  BOOST_TEST(crossed);
}

BOOST_AUTO_TEST_CASE(a_page_local_block_grows_only_within_its_page) {
  heap_options options;
  options.page_local = true;
  grounded_heap heap(ground::buffer, options);
  const std::size_t page = heap->options().page_size;
  const held_block block = test::take(*heap, 64, page);
  BOOST_TEST(heap->try_expand(block.p, 64, test::request_for(page), 16));
  BOOST_TEST(heap->try_expand(block.p, test::request_for(page), 64, 16));
  held_block second = block;
  while (number_of(second.p) <= number_of(block.p)) second = test::take(*heap, 64, 16);  // not before it
  const test::heap_state before = state_of(*heap);
  BOOST_TEST(!heap->try_expand(second.p, 64, test::request_for(page), 16));
  BOOST_TEST((state_of(*heap) == before));
  // One larger than a page may lie anywhere.
  BOOST_TEST(heap->try_expand(second.p, 64, 3 * page, 16));
  BOOST_TEST(heap->check());
}

BOOST_AUTO_TEST_CASE(a_block_that_shrinks_to_no_more_than_a_page_lies_in_one) {
  heap_options options;
  options.page_local = true;
  grounded_heap heap(ground::buffer, options);
  const std::size_t page = heap->options().page_size;
  (void)test::take(*heap, page / 2, page);  // so that the next starts in the midst of a page
  const held_block large = test::take(*heap, 2 * page, 16);
  BOOST_TEST_REQUIRE(number_of(large.p) % page != 0u);
  const std::size_t bytes = test::request_for(page * 3 / 4);
  if (heap->try_expand(large.p, 2 * page, bytes, 16)) BOOST_TEST(in_one_page(large.p, test::block_bytes(bytes), page));
  BOOST_TEST(heap->check());
}

BOOST_AUTO_TEST_CASE(large_blocks_start_at_pages_where_the_memory_is_the_systems) {
  const std::size_t page = test::system_page_size();
  for (const std::size_t threshold : {std::size_t{128} << 10, std::size_t{20'000}, std::size_t{16}}) {
    heap_options options;
    options.large_threshold = threshold;
    grounded_heap heap(ground::pages, options);
    std::vector<held_block> blocks;
    for (std::size_t bytes = threshold - threshold / 4; bytes < threshold * 3 + 100; bytes += threshold / 5 + 1) {
      (void)test::take(*heap, 16);
      blocks.push_back(test::take(*heap, bytes));
      if (test::block_bytes(bytes) >= threshold) BOOST_TEST(number_of(blocks.back().p) % page == 0u, bytes);
    }
    BOOST_TEST(heap->check());
    test::give_all(*heap, blocks);
  }
  // Elsewhere that would serve nobody.
  grounded_heap heap(ground::upstream);
  (void)test::take(*heap, 16);
  std::size_t at_pages = 0;
  for (const held_block& each : test::take_many(*heap, 20, 200'000))
    if (number_of(each.p) % page == 0) ++at_pages;
  BOOST_TEST(at_pages < 5u);
}

BOOST_AUTO_TEST_CASE(blocks_below_the_threshold_lie_anywhere) {
  const std::size_t page = test::system_page_size();
  coalescing_heap heap;
  std::size_t at_pages = 0;
  for (const held_block& each : test::take_many(heap, 50, 100'016))
    if (number_of(each.p) % page == 0) ++at_pages;
  BOOST_TEST(at_pages < 10u);
}

// ---- growing and shrinking in place

BOOST_AUTO_TEST_CASE(a_block_grows_into_the_free_block_behind_it) {
  const misuse_watch watch;
  for (const ground where : test::every_ground) {
    for (const bool checked : {false, true}) {
      heap_options options = test::heap_named("grows", checked);
      options.first_chunk = std::size_t{1} << 20;
      grounded_heap heap(where, options);
      const auto asked = [&](std::size_t block) { return test::request_for(block, checked); };
      for (const std::size_t there : {std::size_t{64}, std::size_t{1024}, std::size_t{70'000} / 16 * 16}) {
        const held_block block = test::take(*heap, asked(64));
        const held_block behind = test::take(*heap, asked(there));
        const held_block last = test::take(*heap, asked(64));
        test::fill(block.p, block.bytes, 7);
        test::fill(last.p, last.bytes, 8);
        test::heap_state before = state_of(*heap);
        BOOST_TEST(!heap->try_expand(block.p, block.bytes, block.bytes + 16, 16));  // it is used
        BOOST_TEST((state_of(*heap) == before));
        test::give(*heap, behind);
        before = state_of(*heap);
        BOOST_TEST(!heap->try_expand(block.p, block.bytes, asked(64 + there + 16), 16));  // more than there is
        BOOST_TEST((state_of(*heap) == before));
        // Part of it, then all.
        std::size_t bytes = block.bytes;
        for (const std::size_t more : {std::size_t{16}, there}) {
          BOOST_TEST_REQUIRE(heap->try_expand(block.p, bytes, asked(64 + more), 16));
          bytes = asked(64 + more);
          BOOST_TEST(heap->find_block(block.p).bytes == 64 + more);
          BOOST_TEST(heap->check());
          BOOST_TEST(test::all_are(block.p, 64 - 32, 7));
          test::fill(block.p, bytes, 7);
        }
        BOOST_TEST(heap->find_block(last.p).begin == last.p);
        BOOST_TEST(test::all_are(last.p, last.bytes, 8));
        heap->deallocate(block.p, bytes);
        test::give(*heap, last);
        BOOST_TEST(heap->usage().used == 0u);
      }
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(what_a_block_gives_back_is_free_and_merged) {
  const misuse_watch watch;
  for (const ground where : test::every_ground) {
    for (const bool checked : {false, true}) {
      for (const bool free_behind : {false, true}) {
        grounded_heap heap(where, test::heap_named("shrinks", checked));
        const auto asked = [&](std::size_t block) { return test::request_for(block, checked); };
        const held_block block = test::take(*heap, asked(4096));
        const held_block behind = test::take(*heap, asked(1024));
        const held_block last = test::take(*heap, asked(64));
        if (free_behind) test::give(*heap, behind);
        test::fill(block.p, block.bytes, 7);
        std::size_t bytes = block.bytes;
        for (const std::size_t left : {std::size_t{4080}, std::size_t{2000}, std::size_t{128}, std::size_t{32}}) {
          BOOST_TEST_REQUIRE(heap->try_expand(block.p, bytes, asked(left), 16));
          bytes = asked(left);
          BOOST_TEST(test::all_are(block.p, bytes, 7));
          const std::byte* const end = static_cast<const std::byte*>(block.p) + left;
          BOOST_TEST((heap->find_block(end).state == block_state::free));
          BOOST_TEST(heap->find_block(end).bytes == 4096 - left + (free_behind ? 1024 : 0));
          BOOST_TEST(heap->check());
        }
        heap->deallocate(block.p, bytes);
        if (!free_behind) test::give(*heap, behind);
        test::give(*heap, last);
      }
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(the_last_block_grows_and_shrinks_at_the_end_of_the_range_with_a_commit_where_it_must) {
  const misuse_watch watch;
  for (const ground where : test::every_ground) {
    heap_options options;
    options.first_chunk = std::size_t{4} << 20;
    grounded_heap heap(where, options);
    const held_block first = test::take(*heap, 64);
    const held_block block = test::take(*heap, 64);
    test::fill(block.p, 64, 7);
    const std::size_t before = heap->usage().committed;
    std::size_t bytes = 64;
    for (const std::size_t more : {std::size_t{65}, std::size_t{1000}, std::size_t{100'000}, std::size_t{3'000'000}}) {
      BOOST_TEST_REQUIRE(heap->try_expand(block.p, bytes, more, 16));
      BOOST_TEST(test::all_are(block.p, bytes, 7));
      bytes = more;
      test::fill(block.p, bytes, 7);
      BOOST_TEST(heap->check());
      BOOST_TEST(test::holds_just(*heap, {first, {block.p, bytes}}));
    }
    if (where == ground::pages) BOOST_TEST(heap->usage().committed >= before + 2'900'000);
    BOOST_TEST(heap->try_expand(block.p, bytes, 10, 16));
    BOOST_TEST(test::holds_just(*heap, {first, {block.p, 10}}));
    BOOST_TEST(heap->statistics().free_blocks == 1u);
    const void* const next = heap->allocate(64);
    BOOST_TEST(static_cast<const std::byte*>(next) == static_cast<std::byte*>(block.p) + test::block_bytes(10));
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(the_end_of_a_buffer_is_the_end) {
  grounded_heap heap(ground::buffer);
  const held_block block = test::take(*heap, 64);
  const std::size_t all = heap->available() + test::block_bytes(64);
  const test::heap_state before = state_of(*heap);
  for (const std::size_t bytes : {all + 16, test::beyond_addresses, max_object_bytes, static_cast<std::size_t>(-1)})
    BOOST_TEST(!heap->try_expand(block.p, 64, bytes, 16));
  BOOST_TEST((state_of(*heap) == before));
  BOOST_TEST(heap->try_expand(block.p, 64, test::request_for(all), 16));
  BOOST_TEST(heap->available() == 0u);
  BOOST_TEST(heap->check());
  heap->deallocate(block.p, test::request_for(all));
  BOOST_TEST(heap->available() == all);
}

BOOST_AUTO_TEST_CASE(the_same_size_is_always_had) {
  for (const bool checked : {false, true}) {
    grounded_heap heap(ground::buffer, test::heap_named("same", checked));
    const held_block block = test::take(*heap, 60);
    const held_block next = test::take(*heap, 60);
    const test::heap_state before = state_of(*heap);
    BOOST_TEST(heap->try_expand(block.p, 60, 60, 16));
    BOOST_TEST((state_of(*heap) == before));
    // Within the granules there are.
    BOOST_TEST(heap->try_expand(block.p, 60, 57, 16));
    BOOST_TEST(heap->try_expand(block.p, 57, 61, 16));
    BOOST_TEST((state_of(*heap) == before));
    heap->deallocate(block.p, 61);
    test::give(*heap, next);
  }
}

BOOST_AUTO_TEST_CASE(a_block_shrinks_to_no_bytes_as_to_one) {
  const misuse_watch watch;
  for (const bool checked : {false, true}) {
    grounded_heap heap(ground::buffer, test::heap_named("zero", checked));
    const held_block block = test::take(*heap, 1000);
    BOOST_TEST(heap->try_expand(block.p, 1000, 0, 16));
    BOOST_TEST(heap->find_block(block.p).bytes == test::block_bytes(0, checked));
    BOOST_TEST(heap->try_expand(block.p, 0, 500, 16));
    BOOST_TEST(heap->try_expand(block.p, 500, 0, 16));
    heap->deallocate(block.p, 0);
    BOOST_TEST(heap->usage().used == 0u);
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(peak_counts_what_a_block_grew_to) {
  grounded_heap heap(ground::buffer);
  const held_block block = test::take(*heap, 64);
  BOOST_TEST(heap->try_expand(block.p, 64, 10'000, 16));
  BOOST_TEST(heap->try_expand(block.p, 10'000, 64, 16));
  BOOST_TEST(heap->usage().used == test::block_bytes(64));
  BOOST_TEST(heap->usage().peak == test::block_bytes(10'000));
}

BOOST_AUTO_TEST_SUITE_END()
