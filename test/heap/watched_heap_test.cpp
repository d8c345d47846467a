// What a memory tool sees of a heap. The library may be built plainly; this program must not be.

#include <algorithm>
#include <allot/core/memory_tools.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <memory_resource>
#include <vector>

#include "heap/heap_model.hpp"
#include "heap/heaps.hpp"
#include "support/child.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using test::ground;
using test::grounded_heap;
using test::held_block;

namespace {

void write(void* p, std::ptrdiff_t offset) { static_cast<volatile char*>(p)[offset] = 1; }

const test::child_program past{"watched_past_a_heaps_block", [] {
                                 coalescing_heap heap;
                                 void* p = heap.allocate(64);
                                 (void)heap.allocate(64);
                                 write(p, 64);
                               }};
const test::child_program past_odd{"watched_past_a_heaps_odd_block", [] {
                                     coalescing_heap heap;
                                     void* p = heap.allocate(13, 1);
                                     (void)heap.allocate(13, 1);
                                     write(p, 13);
                                   }};
const test::child_program before{"watched_before_a_heaps_block", [] {
                                   coalescing_heap heap;
                                   (void)heap.allocate(64);
                                   write(heap.allocate(64), -1);
                                 }};
const test::child_program after_free{"watched_after_a_free_in_a_heap", [] {
                                       coalescing_heap heap;
                                       void* p = heap.allocate(64);
                                       (void)heap.allocate(64);
                                       heap.deallocate(p, 64);
                                       write(p, 20);
                                     }};
const test::child_program after_release{"watched_after_release_of_a_heap", [] {
                                          coalescing_heap upper;
                                          coalescing_heap heap(&upper);
                                          void* p = heap.allocate(64);
                                          heap.release();
                                          write(p, 0);
                                        }};
const test::child_program never_handed_out{"watched_what_a_heap_never_handed_out", [] {
                                             coalescing_heap heap;
                                             write(heap.allocate(64), 5000);
                                           }};
const test::child_program past_shrunk{"watched_past_a_shrunk_block_of_a_heap", [] {
                                        coalescing_heap heap;
                                        void* p = heap.allocate(1000);
                                        if (heap.try_expand(p, 1000, 500, 16)) write(p, 500);
                                      }};
const test::child_program past_checked{"watched_past_a_checked_heaps_block", [] {
                                         coalescing_heap heap(test::heap_named("checked", true));
                                         write(heap.allocate(64), 64);
                                       }};

heap_options variant(unsigned number) {
  heap_options options;
  options.checked = (number & 1U) != 0;
  options.page_local = (number & 2U) != 0;
  options.first_chunk = 4096;
  options.reserve = std::size_t{256} << 10;
  return options;
}

bool all_accessible(const void* p, std::size_t bytes, bool accessible) {
  for (std::size_t i = 0; i < bytes; ++i)
    if (memory_tools::accessible(static_cast<const std::byte*>(p) + i) != accessible) return false;
  return true;
}

/// The bytes behind what was asked for, to the end of the block.
bool rest_is_closed(const coalescing_heap& heap, const held_block& block) {
  const std::size_t all = heap.find_block(block.p).bytes;
  return all >= block.bytes + memory_tools::redzone &&
         all_accessible(static_cast<const std::byte*>(block.p) + block.bytes, all - block.bytes, false);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(watched_heaps)

BOOST_AUTO_TEST_CASE(exactly_what_is_handed_out_is_accessible) {
  if (!memory_tools::active()) return test::skip("ThreadSanitizer and the address sanitizer do not go together");
  for (const ground where : test::every_ground) {
    for (unsigned number = 0; number < 4; ++number) {
      grounded_heap heap(where, variant(number));
      for (int round = 0; round < 2; ++round) {
        std::vector<held_block> blocks;
        bool good = true;
        for (std::size_t bytes = 1; bytes < 5000; bytes += bytes < 200 ? 1 : 153) {
          blocks.push_back(test::take(*heap, bytes, std::size_t{1} << bytes % 8));
          std::memset(blocks.back().p, 1, bytes);
        }
        for (const held_block& each : blocks)
          good = good && all_accessible(each.p, each.bytes, true) && rest_is_closed(*heap, each);
        BOOST_TEST(good, number);
        for (const heap_block& each : heap->blocks())
          if (!each.used) good = good && all_accessible(each.address, std::min<std::size_t>(each.bytes, 5000), false);
        BOOST_TEST(good, number);
        for (const held_block& each : blocks) {
          test::give(*heap, each);
          good = good && all_accessible(each.p, each.bytes, false);
        }
        BOOST_TEST(good, number);
        BOOST_TEST(heap->check());
        (void)heap->trim();
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_block_that_grows_and_shrinks_is_accessible_as_far_as_it_goes) {
  if (!memory_tools::active()) return test::skip("ThreadSanitizer and the address sanitizer do not go together");
  for (const bool checked : {false, true}) {
    grounded_heap heap(ground::buffer, test::heap_named("", checked));
    held_block block = test::take(*heap, 17, 1);
    for (const std::size_t bytes : std::initializer_list<std::size_t>{18, 40, 1000, 999, 33, 32, 31, 5000, 1}) {
      BOOST_TEST_REQUIRE(heap->try_expand(block.p, block.bytes, bytes, 1));
      block.bytes = bytes;
      BOOST_TEST(all_accessible(block.p, bytes, true));
      BOOST_TEST(rest_is_closed(*heap, block));
      const std::byte* const end = static_cast<const std::byte*>(block.p) + heap->find_block(block.p).bytes;
      BOOST_TEST(all_accessible(end, 5000, false));
    }
    test::give(*heap, block);
  }
}

BOOST_AUTO_TEST_CASE(misuse_leaves_accessible_what_is_and_closed_what_is_not) {
  if (!memory_tools::active()) return test::skip("ThreadSanitizer and the address sanitizer do not go together");
  const test::misuse_watch watch;
  for (const bool checked : {false, true}) {
    for (std::size_t bytes = 1; bytes < 70; ++bytes) {
      grounded_heap heap(ground::buffer, test::heap_named("", checked));
      const held_block block = test::take(*heap, bytes, 1);
      const held_block next = test::take(*heap, bytes, 1);
      heap->deallocate(block.p, bytes + 100, 1);
      if (checked) heap->deallocate(block.p, bytes + 1, 1);
      heap->deallocate(static_cast<std::byte*>(block.p) + 1, bytes, 1);
      BOOST_TEST(watch.count() == (checked ? 3u : 2u));
      BOOST_TEST(all_accessible(block.p, bytes, true), bytes);
      BOOST_TEST(rest_is_closed(*heap, block), bytes);
      test::give(*heap, block);
      test::give(*heap, next);
      watch.forget();
    }
  }
}

BOOST_AUTO_TEST_CASE(what_goes_back_can_be_used_freely) {
  alignas(64) static std::array<std::byte, 400'000> buffer;
  for (unsigned number = 0; number < 4; ++number) {
    for (int way = 0; way < 6; ++way) {
      std::pmr::monotonic_buffer_resource memory(buffer.data(), buffer.size(), std::pmr::null_memory_resource());
      {
        std::unique_ptr<coalescing_heap> heap;
        if (way < 3) {
          heap = std::make_unique<coalescing_heap>(variant(number), &memory);
        } else {
          heap = std::make_unique<coalescing_heap>(buffer.data(), buffer.size(), variant(number));
        }
        std::vector<held_block> blocks = test::take_mixed(*heap, 50, 300);
        if (way % 3 >= 1) test::give_all_at_random(*heap, blocks);
        if (way % 3 == 2) (void)heap->trim();
      }
      for (std::size_t at = 0; at < buffer.size(); ++at) write(buffer.data(), static_cast<std::ptrdiff_t>(at));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_watched_heap_does_what_a_model_says) {
  for (const auto where :
       {test::model_setup::ground::buffer, test::model_setup::ground::pages, test::model_setup::ground::chunks}) {
    test::model_setup setup;
    setup.where = where;
    setup.buffer_bytes = std::size_t{256} << 10;
    setup.options.checked = where == test::model_setup::ground::pages;
    test::heap_model<test::random_choices> model(setup, test::random_choices(7));
    for (int step = 0; step < 20'000; ++step) model.step();
    model.finish();
    BOOST_TEST(model.served() > 1000u);
  }
}

BOOST_AUTO_TEST_CASE(writes_outside_blocks_and_after_their_end_are_reported) {
  if (!memory_tools::active()) return test::skip("ThreadSanitizer and the address sanitizer do not go together");
  for (const char* name :
       {"watched_past_a_heaps_block", "watched_past_a_heaps_odd_block", "watched_before_a_heaps_block",
        "watched_after_a_free_in_a_heap", "watched_after_release_of_a_heap", "watched_what_a_heap_never_handed_out",
        "watched_past_a_shrunk_block_of_a_heap", "watched_past_a_checked_heaps_block"}) {
    const auto outcome = test::run_child(name);
    BOOST_TEST(outcome.says("AddressSanitizer"), name);
    BOOST_TEST(outcome.exit_code != 0, name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
