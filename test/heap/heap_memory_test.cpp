// Where a heap's memory comes from, in which amounts, and when it goes back.

#include <algorithm>
#include <allot/core/allocation_error.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/testing/counting_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <memory_resource>
#include <new>
#include <vector>

#include "heap/heaps.hpp"
#include "support/access.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"
#include "support/usage.hpp"
#include "support/waves.hpp"
#include "support/with_code.hpp"

using namespace allot;
using namespace allot::literals;
using test::ground;
using test::grounded_heap;
using test::held_block;
using test::misuse_watch;
using testing::counting_resource;

namespace {

std::vector<std::size_t> sizes_asked(const counting_resource& upstream) {
  std::vector<std::size_t> sizes;
  for (const auto& call : upstream.calls())
    if (call.what == counting_resource::call::kind::allocate) sizes.push_back(call.bytes);
  return sizes;
}

/// Of every two blocks one, so that what is free cannot merge.
std::vector<held_block> give_every_other(coalescing_heap& heap, const std::vector<held_block>& blocks) {
  std::vector<held_block> kept;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i % 2 == 0) {
      kept.push_back(blocks[i]);
    } else {
      test::give(heap, blocks[i]);
    }
  }
  return kept;
}

/// Small blocks with large ones between them.
std::vector<held_block> take_in_turn(coalescing_heap& heap, std::size_t count, std::size_t large) {
  std::vector<held_block> blocks;
  while (blocks.size() < 2 * count) blocks.push_back(test::take(heap, blocks.size() % 2 == 0 ? 64 : large));
  return blocks;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(heap_memory)

// ---- buffers

BOOST_AUTO_TEST_CASE(a_heap_in_a_buffer_of_any_size_at_any_address_keeps_within_it) {
  const misuse_watch watch;
  constexpr std::size_t margin = 64;
  std::vector<std::byte> memory(12'000 + 2 * margin);
  for (std::size_t bytes = 0; bytes <= 12'000; bytes += bytes < 1500 ? 7 : 499) {
    for (std::size_t offset = 0; offset < 16; offset += 3) {
      test::fill(memory.data(), memory.size(), 0xA5);
      std::byte* const begin = memory.data() + margin + offset;
      const std::size_t size = bytes - std::min(bytes, offset);
      std::size_t served = 0;
      {
        coalescing_heap heap(begin, size);
        const std::size_t room = heap.available();
        for (std::size_t wanted = 1; void* const p = heap.try_allocate(wanted); wanted = (wanted * 7 + 3) % 200) {
          BOOST_TEST_REQUIRE(static_cast<std::byte*>(p) >= begin);
          BOOST_TEST_REQUIRE(static_cast<std::byte*>(p) + wanted <= begin + size);
          test::fill(p, wanted, 1);
          ++served;
        }
        BOOST_TEST_REQUIRE(heap.check());
        BOOST_TEST_REQUIRE(room <= size);
        // A 64th and some 100 bytes are not for blocks.
        if (size > 300) BOOST_TEST_REQUIRE(room + size / 64 + 250 >= size);
        BOOST_TEST_REQUIRE((served > 0) == (room > (test::plain() ? 0U : memory_tools::redzone)));
        BOOST_TEST_REQUIRE(heap.trim() == 0u);
      }
      memory_tools::unpoison(memory.data(), memory.size());
      BOOST_TEST_REQUIRE(test::all_are(memory.data(), margin + offset, 0xA5));
      BOOST_TEST_REQUIRE(test::all_are(begin + size, margin - offset, 0xA5));
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_buffer_too_small_for_a_block_serves_none) {
  std::array<std::byte, 100> small{};
  struct memory {
    void* begin;
    std::size_t bytes;
  };
  for (const memory& each : {memory{nullptr, 0}, memory{small.data(), 10}, memory{nullptr, 1000}}) {
    coalescing_heap heap(each.begin, each.bytes);
    BOOST_CHECK_EXCEPTION((void)heap.allocate(1), allocation_error, test::with_code(memory_errc::limit_reached));
    BOOST_TEST(heap.try_allocate(1) == nullptr);
    BOOST_TEST(heap.check());
    BOOST_TEST(heap.available() == 0u);
    BOOST_TEST(heap.blocks().empty());
    heap.release();
    BOOST_TEST(heap.trim() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_full_buffer_refuses_with_its_size_as_the_limit) {
  std::vector<std::byte> memory(5000);
  coalescing_heap heap(memory.data(), memory.size(), test::heap_named("small"));
  const test::heap_state before = test::state_of(heap);
  BOOST_CHECK_EXCEPTION((void)heap.allocate(6000, 32), allocation_error, [&](const allocation_error& error) {
    return error.code() == memory_errc::limit_reached && error.resource_name() == "small" && error.bytes() == 6000 &&
           error.alignment() == 32 && error.limit() == memory.size();
  });
  BOOST_TEST((test::state_of(heap) == before));
}

BOOST_AUTO_TEST_CASE(a_large_buffer_is_touched_before_it_is_needed_for_the_books_alone) {
  if (!test::plain() || test::under_thread_sanitizer()) return test::skip("a tool has books of its own");
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::figures);
  const os::mapping memory = os::map(256_MiB, 1, os::access::read_write);
  BOOST_TEST_REQUIRE(static_cast<bool>(memory));
  const std::size_t before = test::resident();
  {
    coalescing_heap heap(memory.address, 256_MiB);
    (void)test::take_many(heap, 100, 100);
    BOOST_TEST(test::resident() < before + 256_MiB / 64 + 1_MiB);
  }
  (void)os::release(memory.address, 256_MiB);
}

// ---- chunks

BOOST_AUTO_TEST_CASE(nothing_is_asked_for_before_the_first_block) {
  counting_resource upstream;
  coalescing_heap heap(&upstream);
  (void)heap.trim();
  heap.release();
  BOOST_TEST(heap.try_allocate(static_cast<std::size_t>(-1)) == nullptr);
  BOOST_TEST(upstream.calls().empty());
  coalescing_heap pages;
  BOOST_TEST(pages.usage() == memory_usage{});
}

BOOST_AUTO_TEST_CASE(chunks_are_as_large_as_all_before_them_from_the_first_to_the_largest) {
  counting_resource upstream;
  heap_options options;
  options.first_chunk = 8_KiB;
  options.largest_chunk = 64_KiB;
  coalescing_heap heap(options, &upstream);
  std::vector<held_block> blocks = test::take_many(heap, 3000, 100);
  const std::vector<std::size_t> asked = sizes_asked(upstream);
  std::size_t held = 0;
  for (const std::size_t bytes : asked) {
    if (bytes < 4096) continue;  // the list of ranges
    BOOST_TEST(bytes == std::clamp(held, 8_KiB, 64_KiB));
    held += bytes;
  }
  for (const auto& call : upstream.calls()) BOOST_TEST(call.alignment <= alignof(std::max_align_t));
  BOOST_TEST(held < 3000 * test::block_bytes(100) * 5 / 4 + 64_KiB);
  test::give_all(heap, blocks);
}

BOOST_AUTO_TEST_CASE(a_request_larger_than_a_chunk_has_one_of_its_own_size) {
  counting_resource upstream;
  coalescing_heap heap(&upstream);
  const held_block block = test::take(heap, 1_MiB);
  BOOST_TEST(sizes_asked(upstream).size() == 1u);
  BOOST_TEST(sizes_asked(upstream)[0] >= 1_MiB);
  BOOST_TEST(sizes_asked(upstream)[0] <= 1_MiB + 1_MiB / 64 + 400);
  test::give(heap, block);
  // With an alignment the upstream is not asked for.
  const held_block aligned = test::take(heap, 2_MiB, 1_MiB);
  BOOST_TEST(test::number_of(aligned.p) % 1_MiB == 0u);
  BOOST_TEST(upstream.calls().back().alignment <= alignof(std::max_align_t));
  test::give(heap, aligned);
  BOOST_TEST(heap.check());
}

BOOST_AUTO_TEST_CASE(what_an_upstream_refuses_is_asked_for_by_halves) {
  counting_resource upstream(std::pmr::new_delete_resource(), 8_KiB);
  heap_options options;
  options.first_chunk = 1_MiB;
  coalescing_heap heap(options, &upstream);
  std::vector<held_block> blocks = test::take_many(heap, 500, 100);
  const std::vector<std::size_t> asked = sizes_asked(upstream);
  BOOST_TEST(*std::max_element(asked.begin(), asked.end()) == 8_KiB);
  // Down to what is wanted.
  blocks.push_back(test::take(heap, 7500));
  const test::heap_state before = test::state_of(heap);
  BOOST_CHECK_THROW((void)heap.allocate(9000), std::bad_alloc);
  BOOST_TEST((test::state_of(heap) == before));
  test::give_all(heap, blocks);
  (void)heap.trim();
  BOOST_TEST(upstream.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(what_a_chunk_has_left_serves_also_after_a_larger_one_came) {
  counting_resource upstream;
  heap_options options;
  options.first_chunk = 4_MiB;
  coalescing_heap heap(options, &upstream);
  std::vector<held_block> blocks{test::take(heap, 100), test::take(heap, 8_MiB)};
  const std::size_t chunks = upstream.allocations();
  const std::size_t available = heap.available();
  BOOST_TEST(available >= 3_MiB);
  for (int i = 0; i < 3; ++i) blocks.push_back(test::take(heap, 1_MiB - 100));
  BOOST_TEST(upstream.allocations() == chunks);
  BOOST_TEST(heap.available() < available);
  test::give_all(heap, blocks);
}

BOOST_AUTO_TEST_CASE(trim_gives_empty_chunks_back_and_no_others) {
  counting_resource upstream;
  heap_options options;
  options.first_chunk = options.largest_chunk = 16_KiB;
  coalescing_heap heap(options, &upstream);
  std::vector<held_block> blocks = test::take_many(heap, 2000, 200);
  for (const held_block& each : blocks) test::fill(each.p, each.bytes, 3);
  const std::vector<held_block> kept(blocks.begin() + 1000, blocks.begin() + 1010);
  blocks.erase(blocks.begin() + 1000, blocks.begin() + 1010);
  BOOST_TEST(heap.trim() == 0u);  // none is empty
  test::give_all_at_random(heap, blocks);
  const std::size_t before = upstream.live_bytes();
  const std::size_t given = heap.trim();
  BOOST_TEST(given == before - upstream.live_bytes());
  BOOST_TEST(upstream.live_bytes() <= 2 * 16_KiB + 2000);
  BOOST_TEST(heap.check());
  BOOST_TEST(test::holds_just(heap, kept));
  BOOST_TEST(heap.trim() == 0u);
  for (const held_block& each : kept) BOOST_TEST(test::all_are(each.p, each.bytes, 3));
  // What is left goes on serving.
  blocks = test::take_many(heap, 500, 300);
  BOOST_TEST(heap.check());
  test::give_all(heap, blocks);
  for (const held_block& each : kept) test::give(heap, each);
  (void)heap.trim();
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(upstream.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(without_trim_chunks_stay_for_the_next_wave) {
  counting_resource upstream;
  coalescing_heap heap(&upstream);
  BOOST_TEST(test::only_the_first_wave_asks(heap, upstream, 4, 3000));
}

// ---- pages of own reservations

BOOST_AUTO_TEST_CASE(trim_gives_pages_of_free_blocks_back_to_the_system) {
  if (!test::plain()) return;
  if (test::system_page_size() > 16_KiB) return test::skip("the figures are those of smaller pages");
  const misuse_watch watch;
  coalescing_heap heap;
  const std::vector<held_block> blocks = take_in_turn(heap, 100, 512_KiB);
  for (const held_block& each : blocks) test::fill(each.p, each.bytes, 5);
  const std::size_t full = test::resident();
  const std::vector<held_block> kept = give_every_other(heap, blocks);
  const memory_usage before = heap.usage();
  const std::size_t given = heap.trim();
  BOOST_TEST(given >= 49_MiB);
  BOOST_TEST(heap.usage().committed == before.committed - given);
  BOOST_TEST(heap.usage().used == before.used);
  BOOST_TEST(test::resident() + 45_MiB < full);
  BOOST_TEST(heap.check());
  BOOST_TEST(test::holds_just(heap, kept));
  BOOST_TEST(heap.trim() == 0u);
  for (const held_block& each : kept) BOOST_TEST(test::all_are(each.p, each.bytes, 5));
  // The same places serve again, and count again, whatever is done with them.
  std::vector<held_block> again;
  for (int i = 0; i < 60; ++i) {
    again.push_back(test::take(heap, i % 2 == 0 ? 300_KiB : 100));
    test::fill(again.back().p, again.back().bytes, 6);
    BOOST_TEST(heap.check());
  }
  BOOST_TEST(heap.usage().committed >= before.committed - given + 30 * 300_KiB);
  BOOST_TEST(heap.usage().committed <= before.committed);
  for (const held_block& each : kept) BOOST_TEST(test::all_are(each.p, each.bytes, 5));
  for (const held_block& each : again) BOOST_TEST(test::all_are(each.p, each.bytes, 6));
  test::give_all(heap, again);
  BOOST_TEST(heap.trim() > 0u);
  for (const held_block& each : kept) test::give(heap, each);
  const std::size_t committed = heap.usage().committed;
  BOOST_TEST(heap.trim() == committed);
  BOOST_TEST(heap.usage().reserved == 0u);
  BOOST_TEST(heap.usage().committed == 0u);
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(trim_takes_nothing_of_a_free_block_below_the_threshold) {
  if (!test::plain()) return;
  const std::size_t page = test::system_page_size();
  for (const std::size_t threshold : {page, 4 * page, 16 * page}) {
    for (const bool reaches : {false, true}) {
      heap_options options;
      options.decommit_threshold = threshold;
      options.large_threshold = page;
      options.commit_step = page;
      coalescing_heap heap(options);
      // Blocks at pages, of just the threshold and the page that a free block's node needs, or of one less.
      std::vector<held_block> blocks;
      for (std::size_t i = 0; i < 41; ++i)
        blocks.push_back(test::take(heap, i % 2 == 0 ? page : threshold + (reaches ? page : 0)));
      (void)give_every_other(heap, blocks);
      BOOST_TEST(heap.statistics().free_blocks == 20u);
      BOOST_TEST(heap.trim() == (reaches ? 20 * threshold : 0), threshold);
      BOOST_TEST(heap.trim() == 0u);
      BOOST_TEST(heap.check());
      // The end of the newest range by the same measure.
      test::give(heap, blocks.back());
      const std::size_t end = heap.statistics().largest_free;
      const std::size_t given = heap.trim();
      BOOST_TEST((given > 0) == (end >= threshold));
      BOOST_TEST(heap.check());
    }
  }
}

BOOST_AUTO_TEST_CASE(trim_takes_nothing_of_a_free_end_below_the_threshold) {
  if (!test::plain()) return;
  const std::size_t page = test::system_page_size();
  for (const std::size_t pages : {7U, 8U, 9U}) {
    heap_options options;
    options.decommit_threshold = 8 * page;
    options.commit_step = page;
    coalescing_heap heap(options);
    (void)heap.allocate(page);
    const held_block last = test::take(heap, pages * page);
    test::give(heap, last);
    BOOST_TEST_REQUIRE(heap.statistics().free_bytes == pages * page);
    BOOST_TEST(heap.trim() == (pages < 8 ? 0 : pages * page));
    BOOST_TEST(heap.check());
  }
}

BOOST_AUTO_TEST_CASE(trim_gives_the_free_end_of_a_reservation_back) {
  if (!test::plain()) return;
  coalescing_heap heap;
  const held_block kept = test::take(heap, 1000);
  const held_block large = test::take(heap, 50_MiB);
  test::fill(large.p, large.bytes, 1);
  test::give(heap, large);
  const std::size_t resident = test::resident();
  const std::size_t given = heap.trim();
  BOOST_TEST(given >= 49_MiB);
  BOOST_TEST(test::resident() + 45_MiB < resident);
  BOOST_TEST(heap.usage().committed < 200_KiB);
  BOOST_TEST(heap.trim() == 0u);
  BOOST_TEST(heap.check());
  // And it grows again, with the books behind what is there now.
  const held_block again = test::take(heap, 60_MiB);
  test::fill(again.p, again.bytes, 2);
  BOOST_TEST(heap.check());
  BOOST_TEST(test::holds_just(heap, {kept, again}));
  test::give(heap, again);
  test::give(heap, kept);
}

BOOST_AUTO_TEST_CASE(a_second_trim_has_nothing_to_give) {
  // An older range whose end is free becomes the newest when that goes.
  heap_options options;
  options.reserve = 1_MiB;
  coalescing_heap heap(options);
  const held_block kept = test::take(heap, 100);
  const held_block large = test::take(heap, test::plain() ? 700_KiB : 600_KiB);
  const held_block other = test::take(heap, 900_KiB);  // in a range of its own
  test::give(heap, large);
  test::give(heap, other);
  (void)heap.trim();
  BOOST_TEST(heap.trim() == 0u);
  BOOST_TEST(heap.check());
  test::give(heap, kept);
}

BOOST_AUTO_TEST_CASE(memory_that_was_trimmed_is_committed_again_as_it_is_used) {
  if (!test::plain()) return;
  coalescing_heap heap;
  const std::vector<held_block> blocks = take_in_turn(heap, 4, 1_MiB);
  const std::vector<held_block> kept = give_every_other(heap, blocks);
  (void)heap.trim();
  const std::size_t committed = heap.usage().committed;
  const std::size_t page = test::system_page_size();
  // One page more at a time, by growing in place.
  const held_block first = test::take(heap, 10 * page);
  BOOST_TEST(heap.usage().committed >= committed + 8 * page);
  BOOST_TEST(heap.usage().committed <= committed + 12 * page);
  BOOST_TEST(heap.try_expand(first.p, 10 * page, 20 * page, 16));
  BOOST_TEST(heap.usage().committed >= committed + 18 * page);
  BOOST_TEST(heap.usage().committed <= committed + 24 * page);
  BOOST_TEST(heap.try_expand(first.p, 20 * page, page, 16));
  BOOST_TEST(heap.check());
  for (const held_block& each : kept) test::give(heap, each);
  heap.deallocate(first.p, page);
  BOOST_TEST(heap.trim() > 0u);
  BOOST_TEST(heap.usage() == (memory_usage{0, 0, 0, heap.usage().peak, 0}));
}

BOOST_AUTO_TEST_CASE(trimmed_pages_that_came_to_the_end_of_a_range_count_again_when_used) {
  if (!test::plain()) return;
  coalescing_heap heap;
  const held_block kept = test::take(heap, 64);
  const held_block large = test::take(heap, 4_MiB);
  const held_block last = test::take(heap, 2 * test::system_page_size());  // not before it
  test::give(heap, large);
  BOOST_TEST(heap.trim() >= 3_MiB);
  test::give(heap, last);  // all behind the first is one free block
  const held_block again = test::take(heap, 4_MiB);
  BOOST_TEST(heap.usage().committed >= heap.usage().used + heap.usage().wasted);
  test::fill(again.p, again.bytes, 1);
  test::give(heap, again);
  (void)heap.trim();
  BOOST_TEST(heap.usage().committed < 1_MiB);
  test::give(heap, kept);
  (void)heap.trim();
  BOOST_TEST(heap.usage().committed == 0u);
}

BOOST_AUTO_TEST_CASE(a_block_of_many_gibibytes_costs_no_memory_before_it_is_used) {
  if (sizeof(void*) < 8) return test::skip(test::addresses_are_few);
  if (!test::plain()) return;
  for (const std::size_t alignment : {std::size_t{16}, 16_GiB}) {
    coalescing_heap heap;
    const std::size_t before = test::resident();
    if (heap.try_allocate(16_GiB, alignment) == nullptr) continue;  // the system's affair
    BOOST_TEST(test::resident() < before + 32_MiB);
  }
}

// ---- release

BOOST_AUTO_TEST_CASE(release_restores_the_constructed_state_and_twice_is_harmless) {
  for (const ground where : test::every_ground) {
    for (const bool checked : {false, true}) {
      grounded_heap heap(where, test::heap_named("released", checked));
      const test::heap_state constructed = test::state_of(*heap);
      std::vector<heap_block> first;
      for (int round = 0; round < 3; ++round) {
        (void)test::take_mixed(*heap, 1000, 2000, 9);
        (void)heap->allocate(500_KiB);
        heap->release();
        BOOST_TEST((test::state_of(*heap) == constructed));
        BOOST_TEST(heap->check());
        heap->release();
        BOOST_TEST((test::state_of(*heap) == constructed));
        BOOST_TEST(heap.upstream().live_blocks() == 0u);
      }
      BOOST_TEST(heap.upstream().mismatches().empty());
      for (std::size_t i = 0; i < coalescing_heap::bin_count(); ++i) BOOST_TEST(heap->bin(i).blocks == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_destructor_gives_all_back) {
  counting_resource upstream;
  const std::size_t before = test::map_count();
  for (int i = 0; i < 3; ++i) {
    coalescing_heap heap(&upstream);
    (void)test::take_mixed(heap, 2000, 3000);
    coalescing_heap pages;
    (void)test::take_mixed(pages, 2000, 3000);
    const std::vector<held_block> blocks = take_in_turn(pages, 10, 500_KiB);
    (void)give_every_other(pages, blocks);
    (void)pages.trim();
  }
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(upstream.mismatches().empty());
  if (test::plain() && !test::under_thread_sanitizer()) BOOST_TEST(test::map_count() <= before + 4);
}

// ---- options

BOOST_AUTO_TEST_CASE(options_out_of_range_are_put_right) {
  const std::size_t page = test::system_page_size();
  heap_options options;
  options.first_chunk = 0;
  options.largest_chunk = 0;
  options.page_size = 1;
  const heap_options inforce = coalescing_heap(options).options();
  BOOST_TEST(inforce.first_chunk > 0u);
  BOOST_TEST(inforce.largest_chunk >= inforce.first_chunk);
  BOOST_TEST(inforce.page_size == page);
  BOOST_TEST(inforce.reserve == (test::narrow ? 64_MiB : 1_GiB));
  options.page_size = page + 1;
  BOOST_TEST(coalescing_heap(options).options().page_size == 2 * page);
  options.page_size = 3 * page;  // no alignment
  BOOST_TEST(is_power_of_two(coalescing_heap(options).options().page_size));
  options.page_size = static_cast<std::size_t>(-1);
  BOOST_TEST(coalescing_heap(options).options().page_size % page == 0u);
  BOOST_TEST(is_power_of_two(coalescing_heap(options).options().page_size));
}

BOOST_AUTO_TEST_CASE(a_heap_of_any_options_serves_or_throws) {
  if (test::reservations_take_memory()) return test::skip(test::takes_gigabytes);
  const misuse_watch watch;
  constexpr std::size_t huge = static_cast<std::size_t>(-1);
  std::vector<heap_options> all;
  for (const std::size_t value : {std::size_t{0}, std::size_t{1}, std::size_t{5000}, huge / 2 + 1, huge}) {
    const auto with = [&](auto set) {
      all.emplace_back();
      set(all.back());
    };
    with([&](heap_options& o) { o.reserve = value; });
    with([&](heap_options& o) { o.commit_step = value; });
    with([&](heap_options& o) { o.page_size = value; });
    with([&](heap_options& o) { o.page_size = value, o.page_local = true; });
    with([&](heap_options& o) { o.first_chunk = value; });
    with([&](heap_options& o) { o.largest_chunk = value; });
    with([&](heap_options& o) { o.large_threshold = value; });
    with([&](heap_options& o) { o.decommit_threshold = value; });
    with([&](heap_options& o) { o.reserve = 1, o.commit_step = value, o.huge_pages = true; });
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const ground where : test::every_ground) {
      BOOST_TEST_CONTEXT("options " << i << ", ground " << static_cast<int>(where)) {
        counting_resource upstream(std::pmr::new_delete_resource(), 1_MiB);
        std::vector<std::byte> buffer(where == ground::buffer ? 1_MiB : 0);
        std::unique_ptr<coalescing_heap> heap;
        if (where == ground::buffer) {
          heap = std::make_unique<coalescing_heap>(buffer.data(), buffer.size(), all[i]);
        } else {
          heap = std::make_unique<coalescing_heap>(all[i], where == ground::upstream ? &upstream : nullptr);
        }
        std::vector<held_block> blocks;
        for (const std::size_t bytes :
             std::initializer_list<std::size_t>{0, 1, 16, 100, 5000, 70'000, 200'000, 3, 300'000}) {
          if (void* const p = heap->try_allocate(bytes, 64)) {
            blocks.push_back({p, bytes, 64});
            test::fill(p, bytes, 1);
          }
          BOOST_TEST(heap->check());
        }
        // For a memory tool as much would have to be mapped as is reserved; and of 32 bits too few addresses are left.
        if ((test::plain() && sizeof(void*) == 8) || all[i].reserve < huge / 2) BOOST_TEST(blocks.size() >= 8u);
        BOOST_TEST(test::holds_just(*heap, blocks));
        for (std::size_t k = 0; k < blocks.size(); k += 2) {
          test::give(*heap, blocks[k]);
          (void)heap->trim();
          BOOST_TEST(heap->check());
        }
        for (std::size_t k = 1; k < blocks.size(); k += 2) test::give(*heap, blocks[k]);
        (void)heap->trim();
        BOOST_TEST(upstream.live_blocks() == 0u);
      }
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_reservation_is_as_large_as_the_options_say_or_as_the_request) {
  for (const std::size_t reserve : {1_MiB, 64_MiB}) {
    heap_options options;
    options.reserve = reserve;
    coalescing_heap heap(options);
    (void)heap.allocate(1);
    BOOST_TEST(heap.usage().reserved >= reserve);
    BOOST_TEST(heap.usage().reserved <= reserve + reserve / 32 + 1_MiB);
    BOOST_TEST(heap.usage().committed <= 200_KiB);
    (void)heap.allocate(100_MiB);
    BOOST_TEST(heap.usage().reserved >= reserve + 100_MiB);
    BOOST_TEST(heap.check());
  }
}

BOOST_AUTO_TEST_CASE(a_reservation_is_committed_by_the_step_of_the_options) {
  if (!test::plain()) return;
  for (const std::size_t step : {64_KiB, 1_MiB}) {
    heap_options options;
    options.commit_step = step;
    coalescing_heap heap(options);
    (void)heap.allocate(1);
    const std::size_t books = heap.usage().wasted;
    BOOST_TEST(heap.usage().committed - books == step);
    (void)heap.allocate(3 * step);
    BOOST_TEST((heap.usage().committed - heap.usage().wasted) % step == 0u);
    BOOST_TEST(heap.usage().committed - heap.usage().wasted <= 5 * step);
  }
}

BOOST_AUTO_TEST_SUITE_END()
